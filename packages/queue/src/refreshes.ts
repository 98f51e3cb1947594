import { randomUUID } from 'node:crypto';
import { type RefreshJobData, type RefreshJobName, refreshJobSchemas, ViewmillError } from '@viewmill/contracts';
import type { JobsOptions } from 'bullmq';
import type { JobQueue } from './backend.ts';
import { deduplicationId } from './job-data.ts';
import type { QueueSettings } from './options.ts';

export interface Enqueued {
  /** The job that does the work: an earlier one if that has not begun yet. */
  readonly jobId: string;
  /** Whether it is an earlier one. */
  readonly deduplicated: boolean;
}

export interface Refreshes {
  /**
   * Enqueues a job of the queue `refreshes`. A job for the same view that still waits is joined; one that runs is not, for it may have read the source already.
   * @throws ViewmillError VM2001 for data that is not the job's, VM3003 if the queue does not answer.
   */
  enqueue<N extends RefreshJobName>(name: N, data: RefreshJobData<N>, options?: { readonly delayMs?: number }): Promise<Enqueued>;
}

/** Options of every refresh, from a request or from a schedule. */
export function refreshOptions(settings: QueueSettings): JobsOptions {
  const keep = { age: settings.keepSeconds, count: 10_000 };
  return {
    attempts: settings.refreshAttempts,
    backoff: { type: 'exponential', delay: settings.refreshBackoffMs, jitter: 0.5 },
    removeOnComplete: keep,
    removeOnFail: keep,
    stackTraceLimit: 1,
  };
}

export function createRefreshes(queue: JobQueue, settings: QueueSettings): Refreshes {
  return {
    async enqueue(name, data, options) {
      const parsed = refreshJobSchemas[name].safeParse(data);
      if (!parsed.success)
        throw new ViewmillError('VM2001', `not the data of a job ${name}`, { at: parsed.error.issues[0]?.path.join('.') ?? '' });
      const jobId = `${name}-${randomUUID()}`;
      try {
        const job = await queue.add(name, parsed.data, {
          ...refreshOptions(settings),
          jobId,
          deduplication: { id: deduplicationId(name, parsed.data) },
          ...(options?.delayMs === undefined ? {} : { delay: options.delayMs }),
        });
        return { jobId: job.id ?? jobId, deduplicated: job.id !== jobId };
      } catch (cause) {
        throw new ViewmillError('VM3003', 'the queue does not answer', { cause });
      }
    },
  };
}
