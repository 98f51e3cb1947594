import { setTimeout as delay } from 'node:timers/promises';
import type { ErrorPayload, JobResults, RefreshJobName, RefreshProgress } from '@viewmill/contracts';
import type { AnyJob, JobQueue } from './backend.ts';
import { fromFailedReason } from './faults.ts';
import { isCancelled } from './job-data.ts';

/** `delayed`: waits for its next attempt (or its time). `cancelled`: by `cancel`, even if no worker has noticed yet. */
export type JobState = 'waiting' | 'delayed' | 'active' | 'completed' | 'failed' | 'cancelled';

/** What can be said of a job of the queue `refreshes`. Times are ISO instants. */
export interface JobStatus {
  readonly id: string;
  readonly name: RefreshJobName;
  /** Null for a sweep. */
  readonly view: string | null;
  readonly state: JobState;
  readonly progress: RefreshProgress | null;
  readonly result: JobResults[RefreshJobName] | null;
  /** Why it failed, or why its last attempt did. */
  readonly error: ErrorPayload | null;
  /** Attempts that have ended or, if it runs, begun. */
  readonly attempts: number;
  readonly enqueued_at: string;
  readonly started_at: string | null;
  readonly finished_at: string | null;
}

export interface Jobs {
  /** @returns null for an id that is unknown or no longer kept. */
  get(id: string): Promise<JobStatus | null>;
  /** As `get`, but waits up to `ms` milliseconds for the job to finish. */
  wait(id: string, ms: number): Promise<JobStatus | null>;
  /** `cancelled`: it had not begun. `cancelling`: its worker stops it within a second, if the work heeds its signal. */
  cancel(id: string): Promise<'cancelled' | 'cancelling' | 'finished' | 'unknown'>;
  /** Newest first, at most `limit` of each state (100). */
  list(options?: { readonly limit?: number }): Promise<readonly JobStatus[]>;
}

const LISTED = ['active', 'waiting-children', 'waiting', 'delayed', 'completed', 'failed'] as const;

export function createJobs(queue: JobQueue): Jobs {
  async function get(id: string): Promise<JobStatus | null> {
    // The state first: a job read afterwards has at least what belongs to that state (its result, its error).
    const state = await queue.getJobState(id);
    const job = await queue.getJob(id);
    return job === undefined || state === 'unknown' ? null : describe(job, state);
  }

  return {
    get,

    async wait(id, ms) {
      const end = Date.now() + ms;
      for (let pause = 20; ; pause = Math.min(pause * 2, 250)) {
        const status = await get(id);
        const left = end - Date.now();
        if (status === null || status.finished_at !== null || status.state === 'cancelled' || left <= 0) return status;
        await delay(Math.min(pause, left));
      }
    },

    async cancel(id) {
      const job = await queue.getJob(id);
      if (job === undefined) return 'unknown';
      if (job.finishedOn !== undefined) return 'finished';
      await job.updateData({ ...(job.data as object), cancelled: true });
      // Later requests must not join it.
      await job.removeDeduplicationKey();
      const state = await job.getState();
      if (state === 'completed' || state === 'failed') return 'finished';
      if (state === 'waiting-children') await cancelParts(queue, job);
      if (state === 'active' || state === 'waiting-children') return 'cancelling';
      // A worker takes it at once and notes the cancellation, which also frees its place.
      if (state === 'delayed') await job.promote().catch(() => undefined);
      return 'cancelled';
    },

    async list(options) {
      const limit = options?.limit ?? 100;
      const found = await Promise.all(
        LISTED.map(async (state) => {
          const jobs = await queue.getJobs([state], 0, limit - 1);
          // A schedule's next job exists from the start; it is no job yet.
          const real = jobs.filter(
            (job) => job !== undefined && !(state === 'delayed' && job.repeatJobKey !== undefined && job.attemptsMade === 0),
          );
          return real.map((job) => describe(job, state));
        }),
      );
      // One that moved on while the states were read is found twice.
      const unique = new Map(found.flat().map((status) => [status.id, status]));
      return [...unique.values()].sort((a, b) => b.enqueued_at.localeCompare(a.enqueued_at));
    },
  };
}

/** The job goes on when they have ended, and then finds itself cancelled. */
async function cancelParts(queue: JobQueue, job: AnyJob): Promise<void> {
  const { unprocessed = [] } = await job.getDependencies();
  for (const key of unprocessed) {
    const part = await queue.getJob(key.slice(key.lastIndexOf(':') + 1));
    await part?.updateData({ ...(part.data as object), cancelled: true });
    // One that waits for its next attempt is taken at once.
    await part?.promote().catch(() => undefined);
  }
}

function describe(job: AnyJob, bullState: string): JobStatus {
  const state = toState(job, bullState);
  const data = job.data as { readonly view?: string };
  return {
    id: job.id ?? '',
    name: job.name as RefreshJobName,
    view: data.view ?? null,
    state,
    progress: typeof job.progress === 'object' ? (job.progress as RefreshProgress) : null,
    result: state === 'completed' ? (job.returnvalue as JobStatus['result']) : null,
    error: job.failedReason && state !== 'completed' ? fromFailedReason(job.failedReason) : null,
    attempts: job.attemptsMade + (state === 'active' ? 1 : 0),
    enqueued_at: new Date(job.timestamp).toISOString(),
    started_at: instant(job.processedOn),
    finished_at: bullState === 'completed' || bullState === 'failed' ? instant(job.finishedOn) : null,
  };
}

function toState(job: AnyJob, state: string): JobState {
  // Others do its parts.
  if (state === 'waiting-children') return isCancelled(job.data) ? 'cancelled' : 'active';
  if (state === 'completed' || state === 'active' || (state === 'delayed' && !isCancelled(job.data))) return state;
  if (state === 'failed')
    return job.failedReason && fromFailedReason(job.failedReason).code === 'VM3006' ? 'cancelled' : 'failed';
  return isCancelled(job.data) ? 'cancelled' : 'waiting';
}

function instant(milliseconds: number | undefined): string | null {
  return milliseconds === undefined ? null : new Date(milliseconds).toISOString();
}
