import { until } from '@viewmill/testkit';
import { describe, expect, it } from 'vitest';
import type { Bench } from './contract.ts';

/** What is true of schedules. */
export function scheduleContract({ connect, work }: Bench): void {
  describe('schedules', () => {
    const hourly = {
      id: 'refresh-stale',
      cron: '0 * * * *',
      timeZone: 'Europe/Berlin',
      name: 'sweep',
      data: { scope: 'stale', reason: 'schedule' },
    } as const;

    it('applied twice, by two processes, are one; those no longer wanted are removed', async () => {
      const [one, two] = [await connect(), await connect()];
      const daily = { ...hourly, id: 'refresh-all', cron: '0 2 * * *', timeZone: 'UTC' } as const;
      await Promise.all([one.schedules.apply([hourly, daily]), two.schedules.apply([hourly, daily])]);
      await one.schedules.apply([hourly, daily]);
      const listed = await two.schedules.list();
      expect(listed.map(({ id, cron, timeZone }) => `${id} ${cron} ${timeZone}`).sort()).toEqual([
        'refresh-all 0 2 * * * UTC',
        'refresh-stale 0 * * * * Europe/Berlin',
      ]);
      for (const { next } of listed) expect(Date.parse(next ?? '')).toBeGreaterThan(Date.now());
      expect(await one.counts()).toMatchObject({ refreshes: { delayed: 2 } });
      expect(await one.jobs.list()).toEqual([]);
      await one.schedules.apply([daily]);
      expect((await one.schedules.list()).map(({ id }) => id)).toEqual(['refresh-all']);
      expect(await one.counts()).toMatchObject({ refreshes: { delayed: 1 } });
    });

    it('enqueue jobs, one at a time, though several workers know them', async () => {
      const swept: { readonly id: string; readonly scope: string }[] = [];
      const sweep = async ({ scope }: { scope: string }, { jobId }: { jobId: string }) => {
        swept.push({ id: jobId, scope });
        return { enqueued: [] };
      };
      const [one, two] = [await work({ refresh: { sweep } }), await work({ refresh: { sweep } })];
      const everySecond = { ...hourly, cron: '* * * * * *' } as const;
      await Promise.all([one.queue.schedules.apply([everySecond]), two.queue.schedules.apply([everySecond])]);
      await until(() => swept.length >= 3);
      await one.queue.schedules.apply([]);
      expect(new Set(swept.map(({ id }) => id)).size).toBe(swept.length);
      expect(swept[0]?.scope).toBe('stale');
      expect(await one.queue.jobs.get(swept[0]?.id ?? '')).toMatchObject({ name: 'sweep', view: null, state: 'completed' });
    });

    it('refuse a pattern that is none', async () => {
      const queue = await connect();
      await expect(queue.schedules.apply([{ ...hourly, cron: 'hourly' }])).rejects.toMatchObject({
        code: 'VM3005',
        at: 'refresh-stale',
      });
    });
  });
}
