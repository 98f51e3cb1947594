import { type RefreshJobData, type RefreshJobName, ViewmillError } from '@viewmill/contracts';
import type { JobQueue } from './backend.ts';
import type { QueueSettings } from './options.ts';
import { refreshOptions } from './refreshes.ts';

/** Enqueues a job again and again. */
export type Schedule = {
  readonly [N in RefreshJobName]: {
    readonly id: string;
    /** Five fields, or six with seconds first. */
    readonly cron: string;
    /** IANA name. */
    readonly timeZone: string;
    readonly name: N;
    readonly data: RefreshJobData<N>;
  };
}[RefreshJobName];

export interface ScheduleStatus {
  readonly id: string;
  readonly cron: string;
  readonly timeZone: string;
  /** ISO instant of the next job. */
  readonly next: string | null;
}

export interface Schedules {
  /**
   * Makes the schedules be these and no others. Doing it twice, or in several workers at once, changes nothing.
   * @throws ViewmillError VM3005 for a cron pattern or time zone that is none.
   */
  apply(schedules: readonly Schedule[]): Promise<void>;
  list(): Promise<readonly ScheduleStatus[]>;
}

export function createSchedules(queue: JobQueue, settings: QueueSettings): Schedules {
  return {
    async apply(schedules) {
      for (const { id, cron, timeZone, name, data } of schedules) {
        try {
          await queue.upsertJobScheduler(id, { pattern: cron, tz: timeZone }, { name, data, opts: refreshOptions(settings) });
        } catch (cause) {
          throw new ViewmillError('VM3005', `schedule ${id}: "${cron}" in ${timeZone} cannot be scheduled`, { at: id, cause });
        }
      }
      const wanted = new Set(schedules.map(({ id }) => id));
      for (const { key } of await queue.getJobSchedulers(0, -1)) if (!wanted.has(key)) await queue.removeJobScheduler(key);
    },

    async list() {
      const found = await queue.getJobSchedulers(0, -1, true);
      return found.map(({ key, pattern, tz, next }) => ({
        id: key,
        cron: pattern ?? '',
        timeZone: tz ?? 'UTC',
        next: next === undefined || next === null ? null : new Date(next).toISOString(),
      }));
    },
  };
}
