import {
  type JobResults,
  type RefreshJobData,
  type RefreshJobName,
  type RefreshProgress,
  refreshJobSchemas,
  ViewmillError,
} from '@viewmill/contracts';
import { WaitingChildrenError, WaitingError } from 'bullmq';
import type { ActiveJobs } from './active-jobs.ts';
import type { AnyJob } from './backend.ts';
import { type FaultHandler, toJobError, toPayload } from './faults.ts';
import { isCancelled } from './job-data.ts';

export interface RefreshContext {
  /** Aborted when the job is cancelled (reason `cancelled`), the worker shut down (`shutdown`), or the job given to another worker (`lost`). */
  readonly signal: AbortSignal;
  /** Says how far the work is. Cheap to call often: written at a change of phase, else twice a second. */
  readonly progress: (progress: RefreshProgress) => void;
  readonly jobId: string;
  /** 1 for the first. */
  readonly attempt: number;
  /**
   * Has other workers do parts of this job. It does not return the first time: the job is put aside, and its handler is called again when
   * all parts have ended, whether well or not. It returns when there is nothing left to wait for.
   */
  readonly fanOut: (parts: readonly RefreshJobData<'shard'>[]) => Promise<void>;
}

export type RefreshHandlers = {
  readonly [N in RefreshJobName]: (data: RefreshJobData<N>, context: RefreshContext) => Promise<JobResults[N]>;
} & {
  /** A refresh was cancelled while it waited, perhaps for its parts: whatever these have made is to go. */
  readonly calledOff?: (data: RefreshJobData<'refresh'>) => Promise<void>;
};

/** Adds parts of a job as its children; those that are there already stay as they are. */
export type AddParts = (job: AnyJob, parts: readonly RefreshJobData<'shard'>[]) => Promise<void>;

const PROGRESS_MS = 500;

/** Runs one job of the queue `refreshes`. @throws what toJobError makes, or WaitingError for a job that another worker shall do. */
export function refreshProcessor(handlers: RefreshHandlers, active: ActiveJobs, onError: FaultHandler, addParts: AddParts) {
  return async (job: AnyJob, token?: string): Promise<JobResults[RefreshJobName]> => {
    if (isCancelled(job.data)) {
      if (job.name === 'refresh') await handlers.calledOff?.(received('refresh', job));
      throw toJobError({ code: 'VM3006', message: 'cancelled before it began' });
    }
    // From here on a request for the same view is a job of its own.
    await job.removeDeduplicationKey();
    const progress = progressWriter(job, onError);
    let signal: AbortSignal | undefined;
    try {
      const result = await active.track(job, (given) => {
        signal = given;
        const context: RefreshContext = {
          signal: given,
          progress: progress.write,
          jobId: job.id ?? '',
          attempt: job.attemptsMade + 1,
          fanOut: async (parts) => {
            await addParts(job, parts);
            if (await job.moveToWaitingChildren(token ?? '')) throw new WaitingChildrenError();
          },
        };
        return dispatch(handlers, job, context);
      });
      await progress.end();
      return result;
    } catch (error) {
      await progress.end();
      if (error instanceof WaitingChildrenError) throw error;
      if (signal?.reason === 'shutdown') {
        await job.moveToWait(token);
        throw new WaitingError();
      }
      if (signal?.reason === 'cancelled') throw toJobError({ code: 'VM3006', message: 'cancelled while it ran' });
      // BullMQ refuses it: the job is no longer ours.
      if (signal?.reason === 'lost') throw toJobError({ code: 'VM3001', message: 'given to another worker' });
      throw toJobError(toPayload(error, onError));
    }
  };
}

async function dispatch(handlers: RefreshHandlers, job: AnyJob, context: RefreshContext): Promise<JobResults[RefreshJobName]> {
  switch (job.name) {
    case 'refresh':
      return handlers.refresh(received('refresh', job), context);
    case 'sweep':
      return handlers.sweep(received('sweep', job), context);
    case 'refresh-set':
      return handlers['refresh-set'](received('refresh-set', job), context);
    case 'shard':
      return handlers.shard(received('shard', job), context);
    case 'drop':
      return handlers.drop(received('drop', job), context);
    default:
      throw new ViewmillError('VM2001', `no worker knows jobs named ${job.name}`);
  }
}

function received<N extends RefreshJobName>(name: N, job: AnyJob): RefreshJobData<N> {
  const parsed = refreshJobSchemas[name].safeParse(job.data);
  if (!parsed.success)
    throw new ViewmillError('VM2001', `not the data of a job ${name}`, { at: parsed.error.issues[0]?.path.join('.') ?? '' });
  return parsed.data as RefreshJobData<N>;
}

function progressWriter(job: AnyJob, onError: FaultHandler) {
  let writing: Promise<void> = Promise.resolve();
  let last: RefreshProgress | undefined;
  let lastAt = 0;
  return {
    write(progress: RefreshProgress): void {
      if (progress.phase === last?.phase && Date.now() - lastAt < PROGRESS_MS) return;
      last = progress;
      lastAt = Date.now();
      writing = writing.then(() => job.updateProgress({ ...progress })).catch((error: unknown) => void onError(error));
    },
    end: (): Promise<void> => writing,
  };
}
