import { ViewmillError } from '@viewmill/contracts';
import { until } from '@viewmill/testkit';
import { describe, expect, it } from 'vitest';
import type { Bench } from './contract.ts';
import { gate, holdingWorker, refreshed, SHORT_LOCK } from './helpers.ts';

/** What is true of refreshes. */
export function refreshContract({ at, connect, work, options, later }: Bench): void {
  describe('refreshes', () => {
    it('are retried with backoff until they succeed, and say what happened', async () => {
      const queue = await connect();
      const attempts: number[] = [];
      await work({
        refresh: {
          refresh: async ({ view }, { attempt }) => {
            attempts.push(attempt);
            if (attempt === 1) throw new ViewmillError('VM3002', 'the database is away');
            if (attempt === 2) throw new Error('planted-42');
            return refreshed(view);
          },
        },
      });
      const { jobId, deduplicated } = await queue.refreshes.enqueue('refresh', { view: 'labs', reason: 'request' });
      expect(deduplicated).toBe(false);
      const status = await queue.jobs.wait(jobId, 20_000);
      expect(status).toMatchObject({
        id: jobId,
        name: 'refresh',
        view: 'labs',
        state: 'completed',
        error: null,
        attempts: 3,
        result: refreshed('labs'),
      });
      expect(status?.finished_at).toMatch(/^\d{4}-.*Z$/);
      expect(attempts).toEqual([1, 2, 3]);
      expect(await at().contents()).not.toContain('planted-42');
    });

    it('fail for good after the last attempt, or at once if another would not help', async () => {
      const queue = await connect({ refreshAttempts: 2 });
      let attempts = 0;
      await work({
        refresh: {
          refresh: async ({ view }) => {
            attempts += 1;
            throw new ViewmillError(view === 'unknown' ? 'VM2002' : 'VM3002', 'text', { at: view });
          },
        },
      });
      const hopeless = await queue.refreshes.enqueue('refresh', { view: 'unknown', reason: 'request' });
      expect(await queue.jobs.wait(hopeless.jobId, 20_000)).toMatchObject({
        state: 'failed',
        attempts: 1,
        error: { code: 'VM2002', message: 'text', at: 'unknown' },
      });
      const unlucky = await queue.refreshes.enqueue('refresh', { view: 'labs', reason: 'request' });
      expect(await queue.jobs.wait(unlucky.jobId, 20_000)).toMatchObject({
        state: 'failed',
        attempts: 2,
        error: { code: 'VM3002' },
      });
      expect(attempts).toBe(3);
    });

    it('of a view that waits are joined; of one that runs, one more waits', async () => {
      const queue = await connect();
      const data = { view: 'labs', reason: 'request' } as const;
      const first = await queue.refreshes.enqueue('refresh', data);
      expect(await queue.refreshes.enqueue('refresh', { ...data, reason: 'schedule' })).toEqual({
        jobId: first.jobId,
        deduplicated: true,
      });
      expect((await queue.refreshes.enqueue('refresh', { ...data, view: 'other' })).deduplicated).toBe(false);

      const door = gate();
      const begun: string[] = [];
      await work({
        refresh: {
          refresh: async ({ view }, { signal, jobId }) => {
            begun.push(jobId);
            await door.pass(signal);
            return refreshed(view);
          },
        },
      });
      await until(() => begun.includes(first.jobId));
      const second = await queue.refreshes.enqueue('refresh', data);
      expect(second).toMatchObject({ deduplicated: false });
      expect(await queue.refreshes.enqueue('refresh', data)).toEqual({ jobId: second.jobId, deduplicated: true });
      door.open();
      expect(await queue.jobs.wait(first.jobId, 10_000)).toMatchObject({ state: 'completed' });
      expect(await queue.jobs.wait(second.jobId, 10_000)).toMatchObject({ state: 'completed' });
      // The next one begins anew.
      expect((await queue.refreshes.enqueue('refresh', data)).deduplicated).toBe(false);
    });

    it('tell their progress', async () => {
      const queue = await connect();
      const door = gate();
      await work({
        refresh: {
          refresh: async ({ view }, { progress, signal }) => {
            progress({ phase: 'reading', resources: 10, rows: 20 });
            await door.pass(signal);
            progress({ phase: 'done', resources: 30, rows: 40 });
            return refreshed(view);
          },
        },
      });
      const { jobId } = await queue.refreshes.enqueue('refresh', { view: 'labs', reason: 'request' });
      await until(async () => (await queue.jobs.get(jobId))?.progress?.phase === 'reading');
      expect(await queue.jobs.wait(jobId, 1)).toMatchObject({
        state: 'active',
        attempts: 1,
        progress: { resources: 10, rows: 20 },
        finished_at: null,
      });
      door.open();
      expect(await queue.jobs.wait(jobId, 10_000)).toMatchObject({
        state: 'completed',
        progress: { phase: 'done', resources: 30 },
      });
    });

    it('are cancelled while they wait', async () => {
      const queue = await connect();
      const ran: string[] = [];
      const { jobId } = await queue.refreshes.enqueue('refresh', { view: 'labs', reason: 'request' });
      expect(await queue.jobs.cancel(jobId)).toBe('cancelled');
      expect(await queue.jobs.get(jobId)).toMatchObject({ state: 'cancelled' });
      const next = await queue.refreshes.enqueue('refresh', { view: 'labs', reason: 'request' });
      expect(next.deduplicated).toBe(false);
      await work({
        refresh: {
          refresh: async ({ view }, context) => {
            ran.push(context.jobId);
            return refreshed(view);
          },
        },
      });
      expect(await queue.jobs.wait(next.jobId, 10_000)).toMatchObject({ state: 'completed' });
      expect(ran).toEqual([next.jobId]);
      expect(await queue.jobs.get(jobId)).toMatchObject({ state: 'cancelled', error: { code: 'VM3006' } });
      expect(await queue.jobs.cancel(jobId)).toBe('finished');
      expect(await queue.jobs.cancel('refresh-unknown')).toBe('unknown');
      expect(await queue.jobs.get('refresh-unknown')).toBeNull();
      expect(await queue.jobs.wait('refresh-unknown', 1000)).toBeNull();
    });

    it('are cancelled while they run, and while they wait for their next attempt', async () => {
      const queue = await connect({ refreshBackoffMs: 600_000 });
      await work({
        refresh: {
          refresh: async ({ view }, { signal }) => {
            if (view === 'unlucky') throw new ViewmillError('VM3002', 'the database is away');
            await gate().pass(signal);
            return refreshed(view);
          },
        },
      });
      const running = await queue.refreshes.enqueue('refresh', { view: 'labs', reason: 'request' });
      await until(async () => (await queue.jobs.get(running.jobId))?.state === 'active');
      expect(await queue.jobs.cancel(running.jobId)).toBe('cancelling');
      expect(await queue.jobs.wait(running.jobId, 10_000)).toMatchObject({
        state: 'cancelled',
        error: { code: 'VM3006' },
        attempts: 1,
      });

      const unlucky = await queue.refreshes.enqueue('refresh', { view: 'unlucky', reason: 'request' });
      await until(async () => (await queue.jobs.get(unlucky.jobId))?.state === 'delayed');
      expect(await queue.jobs.get(unlucky.jobId)).toMatchObject({ error: { code: 'VM3002' }, attempts: 1 });
      expect(await queue.jobs.cancel(unlucky.jobId)).toBe('cancelled');
      await until(async () => (await queue.counts()).refreshes.failed === 2);
      expect(await queue.jobs.get(unlucky.jobId)).toMatchObject({ state: 'cancelled' });
    });

    it('are taken again and finished by another worker if theirs is killed', async () => {
      const queue = await connect();
      const holding = await holdingWorker({ ...options(), lockMs: SHORT_LOCK });
      later(holding.kill);
      const { jobId } = await queue.refreshes.enqueue('refresh', { view: 'labs', reason: 'request' });
      expect(await holding.taken).toBe(jobId);
      await holding.kill();
      await work({}, { lockMs: SHORT_LOCK });
      expect(await queue.jobs.wait(jobId, 20_000)).toMatchObject({ state: 'completed' });
    });

    it('are finished by a worker that is closed, which takes no more', async () => {
      const queue = await connect();
      const door = gate();
      const { close } = await work({
        refresh: {
          refresh: async ({ view }, { signal }) => {
            await door.pass(signal);
            return refreshed(view);
          },
        },
      });
      const first = await queue.refreshes.enqueue('refresh', { view: 'a', reason: 'request' });
      await until(async () => (await queue.jobs.get(first.jobId))?.state === 'active');
      const second = await queue.refreshes.enqueue('refresh', { view: 'b', reason: 'request' });
      const closed = close({ timeoutMs: 20_000 });
      door.open();
      await closed;
      expect(await queue.jobs.get(first.jobId)).toMatchObject({ state: 'completed' });
      expect(await queue.jobs.get(second.jobId)).toMatchObject({ state: 'waiting' });
    });

    it('go back to the queue if they do not end in time, and no attempt is lost', async () => {
      const queue = await connect({ refreshAttempts: 1 });
      const { close } = await work({
        refresh: {
          refresh: async ({ view }, { signal }) => {
            await gate().pass(signal);
            return refreshed(view);
          },
        },
      });
      const { jobId } = await queue.refreshes.enqueue('refresh', { view: 'labs', reason: 'request' });
      await until(async () => (await queue.jobs.get(jobId))?.state === 'active');
      await close({ timeoutMs: 10 });
      expect(await queue.jobs.get(jobId)).toMatchObject({ state: 'waiting' });
      await work();
      expect(await queue.jobs.wait(jobId, 10_000)).toMatchObject({ state: 'completed' });
    });

    it('that do not heed their signal go to another worker', async () => {
      const queue = await connect();
      const door = gate();
      const deaf = await work(
        {
          refresh: {
            refresh: async ({ view }) => {
              await door.pass(new AbortController().signal);
              return refreshed(`${view} by the first`);
            },
          },
        },
        { lockMs: SHORT_LOCK },
      );
      const { jobId } = await queue.refreshes.enqueue('refresh', { view: 'labs', reason: 'request' });
      await until(async () => (await queue.jobs.get(jobId))?.state === 'active');
      await deaf.close({ timeoutMs: 0 });
      await work({}, { lockMs: SHORT_LOCK });
      expect(await queue.jobs.wait(jobId, 20_000)).toMatchObject({ state: 'completed', result: refreshed('labs') });
      door.open();
    });

    it('must have the data of their name', async () => {
      const queue = await connect();
      await expect(queue.refreshes.enqueue('sweep', { scope: 'some' as 'all', reason: 'request' })).rejects.toMatchObject({
        code: 'VM2001',
        at: 'scope',
      });
    });

    it('are listed newest first and counted, with the workers', async () => {
      const queue = await connect();
      const first = await queue.refreshes.enqueue('refresh', { view: 'a', reason: 'request' });
      const second = await queue.refreshes.enqueue('drop', { view: 'b' });
      expect(await queue.counts()).toMatchObject({ refreshes: { waiting: 2, active: 0, workers: 0 } });
      await work();
      await work();
      for (const { jobId } of [first, second]) await queue.jobs.wait(jobId, 10_000);
      expect(await queue.counts()).toMatchObject({
        refreshes: { waiting: 0, completed: 2, failed: 0, workers: 2 },
        queries: { workers: 2 },
      });
      const listed = await queue.jobs.list();
      expect(listed.map(({ id, name, view, state }) => ({ id, name, view, state }))).toEqual(
        expect.arrayContaining([
          { id: first.jobId, name: 'refresh', view: 'a', state: 'completed' },
          { id: second.jobId, name: 'drop', view: 'b', state: 'completed' },
        ]),
      );
      expect(listed).toHaveLength(2);
    });
  });
}
