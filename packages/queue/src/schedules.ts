import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
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

/** BullMQ's code for "the job of this instant exists already": it runs just now, or another process was faster. */
const COLLISION = -10;
const COLLISION_PAUSE_MS = 300;

export function createSchedules(queue: JobQueue, settings: QueueSettings): Schedules {
  /** Whether the schedule is there as it is wanted, and alive: its next job exists. */
  async function isApplied(schedule: Schedule): Promise<boolean> {
    const found = await queue.getJobScheduler(schedule.id);
    if (found?.template === undefined || typeof found.next !== 'number') return false;
    const { name, pattern, tz, template } = found;
    const there = { name, cron: pattern, timeZone: tz, data: template.data, opts: template.opts };
    const { id: _id, ...wanted } = schedule;
    if (!isDeepStrictEqual(there, { ...wanted, opts: refreshOptions(settings) })) return false;
    return (await queue.getJob(`repeat:${schedule.id}:${found.next}`)) !== undefined;
  }

  async function applyOne(schedule: Schedule): Promise<void> {
    const { id, cron, timeZone, name, data } = schedule;
    for (let attempt = 1; !(await isApplied(schedule)); attempt += 1) {
      try {
        await queue.upsertJobScheduler(id, { pattern: cron, tz: timeZone }, { name, data, opts: refreshOptions(settings) });
        return;
      } catch (cause) {
        const code = (cause as { code?: unknown }).code;
        if (code === undefined)
          throw new ViewmillError('VM3005', `schedule ${id}: "${cron}" in ${timeZone} cannot be scheduled`, { at: id, cause });
        if (code !== COLLISION || attempt === 10) throw new ViewmillError('VM3003', 'the queue does not answer', { cause });
        await delay(COLLISION_PAUSE_MS);
      }
    }
  }

  return {
    async apply(schedules) {
      for (const schedule of schedules) await applyOne(schedule);
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
