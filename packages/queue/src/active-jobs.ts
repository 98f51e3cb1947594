import type { AnyJob } from './backend.ts';
import { isCancelled } from './job-data.ts';

/** Why a running job is told to stop. `lost`: another worker may have it by now. */
export type StopReason = 'cancelled' | 'shutdown' | 'lost' | 'deadline';

/** How often running jobs are looked up for a cancellation, in milliseconds. */
const LOOK_MS = 500;

export interface ActiveJobs {
  /** Runs the work with a signal whose reason is a StopReason. Ends in the work's own outcome. */
  track<T>(job: AnyJob, work: (signal: AbortSignal) => Promise<T>, deadline?: number): Promise<T>;
  stop(id: string, reason: StopReason): void;
  stopAll(reason: StopReason): void;
  close(): void;
}

/** The jobs that this worker runs now, each with its AbortController. `reload` reads a job again. */
export function createActiveJobs(
  reload: (id: string) => Promise<AnyJob | undefined>,
  onError: (error: unknown) => void,
): ActiveJobs {
  const active = new Map<string, AbortController>();

  async function look(): Promise<void> {
    await Promise.all(
      [...active.keys()].map(async (id) => {
        const job = await reload(id);
        if (job !== undefined && isCancelled(job.data)) active.get(id)?.abort('cancelled' satisfies StopReason);
      }),
    );
  }
  const timer = setInterval(() => void look().catch(onError), LOOK_MS);
  timer.unref();

  return {
    async track(job, work, deadline) {
      const id = job.id ?? '';
      const controller = new AbortController();
      active.set(id, controller);
      const late =
        deadline === undefined
          ? undefined
          : setTimeout(() => controller.abort('deadline' satisfies StopReason), deadline - Date.now());
      try {
        return await work(controller.signal);
      } finally {
        clearTimeout(late);
        if (active.get(id) === controller) active.delete(id);
      }
    },
    stop: (id, reason) => active.get(id)?.abort(reason),
    stopAll(reason) {
      for (const controller of active.values()) controller.abort(reason);
    },
    close: () => clearInterval(timer),
  };
}
