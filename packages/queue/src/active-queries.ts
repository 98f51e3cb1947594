import type { StopReason } from './active-jobs.ts';
import type { AnyJob } from './backend.ts';
import type { ControlChannel } from './control.ts';
import { idsOf } from './job-data.ts';

/** How often the jobs of running queries are looked up for queries that were taken out of them, in milliseconds. */
const LOOK_MS = 500;

/** A query that a worker has: waits for a slot, or runs. */
export interface ActiveQuery {
  /** Its reason is a StopReason. */
  readonly signal: AbortSignal;
  /** Waits until the reader takes so many chunks. Ends early when the signal is aborted or after `ms` milliseconds. */
  granted(chunks: number, ms: number): Promise<boolean>;
  /** From now on the deadline does not matter. */
  extend(): void;
  close(): void;
}

export interface ActiveQueries {
  /** @param deadline milliseconds since 1970. */
  open(job: AnyJob, id: string, deadline: number): ActiveQuery;
  /** Stops the queries of one job. */
  stop(jobId: string, reason: StopReason): void;
  stopAll(reason: StopReason): void;
  close(): void;
}

interface Entry {
  readonly jobId: string;
  readonly controller: AbortController;
  granted: number;
  onGrant: () => void;
}

/** The queries that this worker has now. They stop when callers say so on the control channel or, should that fail, have them taken out of their job. */
export function createActiveQueries(
  reload: (jobId: string) => Promise<AnyJob | undefined>,
  control: ControlChannel,
  window: number,
  onError: (error: unknown) => void,
): ActiveQueries {
  const active = new Map<string, Entry>();

  function stop(id: string, reason: StopReason): void {
    active.get(id)?.controller.abort(reason);
  }

  control.hear((message) => {
    if ('cancel' in message) for (const id of message.cancel) stop(id, 'cancelled');
    else {
      const entry = active.get(message.grant);
      if (entry === undefined) return;
      entry.granted = Math.max(entry.granted, message.chunks);
      entry.onGrant();
    }
  });

  async function look(): Promise<void> {
    const ids = [...active];
    const jobs = new Set(ids.map(([, { jobId }]) => jobId));
    await Promise.all(
      [...jobs].map(async (jobId) => {
        const job = await reload(jobId);
        if (job === undefined) return;
        const wanted = idsOf(job.data);
        for (const [id, entry] of ids) if (entry.jobId === jobId && !wanted.has(id)) stop(id, 'cancelled');
      }),
    );
  }
  const timer = setInterval(() => void look().catch(onError), LOOK_MS);
  timer.unref();

  return {
    open(job, id, deadline) {
      const controller = new AbortController();
      const { signal } = controller;
      const entry: Entry = { jobId: job.id ?? '', controller, granted: window, onGrant: () => undefined };
      active.set(id, entry);
      const late = setTimeout(() => controller.abort('deadline' satisfies StopReason), deadline - Date.now());
      return {
        signal,
        async granted(chunks, ms) {
          const until = Date.now() + ms;
          while (entry.granted < chunks && !signal.aborted && Date.now() < until) {
            await new Promise<void>((resolve) => {
              const goOn = (): void => {
                clearTimeout(tooLate);
                signal.removeEventListener('abort', goOn);
                resolve();
              };
              const tooLate = setTimeout(goOn, until - Date.now());
              entry.onGrant = goOn;
              signal.addEventListener('abort', goOn);
            });
          }
          return entry.granted >= chunks;
        },
        extend: () => clearTimeout(late),
        close() {
          clearTimeout(late);
          if (active.get(id) === entry) active.delete(id);
        },
      };
    },
    stop(jobId, reason) {
      for (const entry of active.values()) if (entry.jobId === jobId) entry.controller.abort(reason);
    },
    stopAll(reason) {
      for (const { controller } of active.values()) controller.abort(reason);
    },
    close: () => clearInterval(timer),
  };
}
