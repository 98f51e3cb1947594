import { ViewmillError } from '@viewmill/contracts';
import { connectQueue } from '@viewmill/queue';
import { until } from '@viewmill/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cable, gate, holdingWorker, META, openAndClose, query, type QueueConnection, type QueueOptions, refreshed, rows, worker } from './helpers.ts';

/** One place to keep the queue in, empty at the start of each test. */
export interface Place {
  /** The server's URL, and the options that lead there. */
  readonly url: string;
  readonly options: (url: string) => QueueOptions;
  /** Everything that the queue's database holds, as text. */
  readonly contents: () => Promise<string>;
}

/** What is true of the queue wherever it is kept. `place` is called once per test. */
export function queueContract(place: () => Promise<Place>): void {
  let at: Place;
  let options: QueueOptions;
  let closers: (() => Promise<void>)[];

  beforeEach(async () => {
    at = await place();
    options = { lockMs: 1000, refreshBackoffMs: 20, ...at.options(at.url) };
    closers = [];
  });
  afterEach(async () => {
    for (const close of closers.reverse()) await close();
  });

  async function connect(more: Partial<QueueOptions> = {}): Promise<QueueConnection> {
    const queue = await connectQueue({ ...options, ...more });
    closers.push(() => queue.close());
    return queue;
  }
  /** A worker with connections of its own, as in another process. */
  async function work(handlers: Parameters<typeof worker>[0] = {}): Promise<{ queue: QueueConnection; close: (how?: { timeoutMs?: number }) => Promise<void> }> {
    const queue = await connect();
    const workers = await queue.startWorkers(worker(handlers));
    closers.push(() => workers.close({ timeoutMs: 0 }));
    return { queue, close: (how) => workers.close(how) };
  }

  describe('queries', () => {
    it('are answered, and leave no search value and no row behind', async () => {
      const queue = await connect();
      await work({ query: async (job, { enqueuedAt }) => rows(`[{"id":"secret-row","field":"${job.search.conditions[0]?.field}","waited":${Date.now() >= enqueuedAt}}]`) });
      const result = await queue.queries.run(query(), { timeoutMs: 10_000 });
      expect(result).toEqual(rows('[{"id":"secret-row","field":"patient","waited":true}]'));
      await until(async () => (await queue.counts()).queries.active === 0);
      const contents = await at.contents();
      expect(contents).not.toContain('planted-42');
      expect(contents).not.toContain('secret-row');
    });

    it('give counts and schemas as they are', async () => {
      const queue = await connect();
      const columns = [{ name: 'id', type: 'id', sqlType: 'text', description: null, collection: false }];
      await work({ query: async (job) => (job.kind === 'count' ? { kind: 'count', meta: META, count: 7 } : { kind: 'schema', columns }) });
      expect(await queue.queries.run(query({ kind: 'count' }), { timeoutMs: 10_000 })).toMatchObject({ kind: 'count', count: 7 });
      expect(await queue.queries.run(query({ kind: 'schema' }), { timeoutMs: 10_000 })).toEqual({ kind: 'schema', columns });
    });

    it('are all answered, each with its own answer, when 200 come at once from two processes', async () => {
      const [one, two] = [await connect(), await connect()];
      await work({ query: async (job) => rows(`["${job.requestId}"]`) });
      const answers = Array.from({ length: 200 }, async (_, n) => {
        const result = await (n % 2 ? one : two).queries.run(query({ requestId: `r-${n}` }), { timeoutMs: 30_000 });
        expect(result).toEqual(rows(`["r-${n}"]`));
      });
      await Promise.all(answers);
      await until(async () => (await one.counts()).queries.active === 0);
      expect(await one.counts()).toMatchObject({ queries: { waiting: 0, failed: 0, completed: 0 } });
    });

    it('may have an answer of 20 MB, with any characters', async () => {
      const queue = await connect();
      const rowsJson = JSON.stringify(['ä€😀\n"\\', 'x'.repeat(20_000_000)]);
      await work({ query: async () => rows(rowsJson) });
      const result = await queue.queries.run(query(), { timeoutMs: 30_000 });
      expect(result.kind === 'rows' && result.rowsJson === rowsJson).toBe(true);
    });

    it('throw the worker’s coded error, with its diagnostics', async () => {
      const queue = await connect();
      const diagnostics = [{ code: 'VM1003', message: 'no element x', at: 'select[0]', position: { line: 1, column: 2 } }] as const;
      await work({
        query: async () => {
          throw new ViewmillError('VM1101', 'invalid', { at: 'select', diagnostics });
        },
      });
      const error = await queue.queries.run(query(), { timeoutMs: 10_000 }).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(ViewmillError);
      expect(error).toMatchObject({ code: 'VM1101', message: 'invalid', at: 'select', diagnostics, status: 422 });
    });

    it('throw VM9001 with the fault id for any other error, and nothing of its text', async () => {
      const queue = await connect();
      const faults: unknown[] = [];
      await work({
        query: async () => {
          throw new TypeError('planted-42 is not a function');
        },
        onError: (error) => {
          faults.push(error);
          return 'f-77';
        },
      });
      const error = await queue.queries.run(query(), { timeoutMs: 10_000 }).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'VM9001', message: expect.stringContaining('f-77') });
      expect(String(error)).not.toContain('planted-42');
      expect(faults).toHaveLength(1);
      await until(async () => (await queue.counts()).queries.active === 0);
      expect(await at.contents()).not.toContain('planted-42');
    });

    it('end with VM3001 if no worker takes them, and are gone then', async () => {
      const queue = await connect();
      await expect(queue.queries.run(query(), { timeoutMs: 200 })).rejects.toMatchObject({ code: 'VM3001' });
      expect(await queue.counts()).toMatchObject({ queries: { waiting: 0, failed: 0, workers: 0 } });
      expect(await at.contents()).not.toContain('planted-42');
    });

    it('end with VM3007 if the worker takes too long, whose signal is aborted', async () => {
      const queue = await connect();
      let stopped = false;
      await work({
        query: (_job, { signal }) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => {
              stopped = true;
              reject(new Error('stopped'));
            });
          }),
      });
      await expect(queue.queries.run(query({ deadline: Date.now() + 10_000 }), { timeoutMs: 300 })).rejects.toMatchObject({ code: 'VM3007' });
      await until(() => stopped);
      await until(async () => (await queue.counts()).queries.active === 0);
      expect(await at.contents()).not.toContain('planted-42');
    });

    it('are removed when the caller is gone, before and while a worker has them', async () => {
      const queue = await connect();
      const early = new AbortController();
      const waiting = queue.queries.run(query(), { timeoutMs: 10_000, signal: early.signal });
      await until(async () => (await queue.counts()).queries.waiting === 1);
      early.abort();
      await expect(waiting).rejects.toMatchObject({ code: 'VM3006' });
      await until(async () => (await queue.counts()).queries.waiting === 0);

      let stopped: unknown;
      await work({
        query: (_job, { signal }) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => {
              stopped = signal.reason;
              reject(new Error('stopped'));
            });
          }),
      });
      const late = new AbortController();
      const running = queue.queries.run(query(), { timeoutMs: 10_000, signal: late.signal });
      await until(async () => (await queue.counts()).queries.active === 1);
      late.abort();
      await expect(running).rejects.toMatchObject({ code: 'VM3006' });
      await until(() => stopped === 'cancelled');
      await expect(queue.queries.run(query(), { timeoutMs: 10_000, signal: late.signal })).rejects.toMatchObject({ code: 'VM3006' });
    });

    it('are dropped by the worker after their deadline', async () => {
      const queue = await connect();
      const ran: string[] = [];
      const { queue: other } = await work({
        query: async (job) => {
          ran.push(job.requestId ?? '');
          return rows('[]');
        },
      });
      await expect(queue.queries.run(query({ requestId: 'late', deadline: Date.now() - 1 }), { timeoutMs: 400 })).rejects.toMatchObject({ code: 'VM3001' });
      await other.queries.run(query({ requestId: 'in time' }), { timeoutMs: 10_000 });
      expect(ran).toEqual(['in time']);
    });

    it('are bounded: no more in the queue than maxInFlight, and VM3008 beyond maxPending', async () => {
      const queue = await connect({ maxInFlight: 2, maxPending: 4 });
      const calls = Array.from({ length: 4 }, () => queue.queries.run(query(), { timeoutMs: 10_000 }));
      await until(async () => (await queue.counts()).queries.waiting === 2);
      await expect(queue.queries.run(query(), { timeoutMs: 10_000 })).rejects.toMatchObject({ code: 'VM3008' });
      expect(await queue.counts()).toMatchObject({ queries: { waiting: 2 } });
      await work();
      expect(await Promise.all(calls)).toHaveLength(4);
    });

    it('go to another worker if theirs is killed', async () => {
      const queue = await connect();
      const holding = await holdingWorker(options);
      closers.push(holding.kill);
      const answer = queue.queries.run(query({ requestId: 'r-1' }), { timeoutMs: 20_000 });
      expect(await holding.taken).toBe('r-1');
      await holding.kill();
      await work();
      expect(await answer).toEqual(rows('[{"id":"1"}]'));
    });

    it('end with VM3001 if their job vanishes', async () => {
      const queue = await connect();
      const call = queue.queries.run(query(), { timeoutMs: 30_000 });
      call.catch(() => undefined);
      const jobs = await until(async () => {
        const found = (await queue.boardQueues()[0]?.getJobs(['waiting'], 0, 10)) ?? [];
        return found.length > 0 ? found : null;
      });
      await jobs?.[0]?.remove();
      await expect(call).rejects.toMatchObject({ code: 'VM3001', message: expect.stringContaining('without an answer') });
    });

    it('end with VM3003 while the server is away, and are answered when it is back', async () => {
      const wire = await cable(at.url);
      closers.push(wire.close);
      const queue = await connect(at.options(wire.url));
      await work();
      await queue.queries.run(query(), { timeoutMs: 10_000 });
      wire.cut();
      await expect(queue.queries.run(query(), { timeoutMs: 300 })).rejects.toMatchObject({ code: 'VM3003' });
      wire.mend();
      await until(() => queue.queries.run(query(), { timeoutMs: 3000 }), { timeoutMs: 20_000 });
    });

    it('are answered by a worker whose connection was lost', async () => {
      const wire = await cable(at.url);
      closers.push(wire.close);
      const queue = await connect();
      const far = await connect(at.options(wire.url));
      const workers = await far.startWorkers(worker());
      closers.push(() => workers.close({ timeoutMs: 0 }));
      await queue.queries.run(query(), { timeoutMs: 10_000 });
      wire.cut();
      wire.mend();
      expect(await queue.queries.run(query(), { timeoutMs: 30_000 })).toEqual(rows('[{"id":"1"}]'));
    });

    it('are hidden from the board', async () => {
      const queue = await connect();
      const boards = queue.boardQueues();
      expect(boards.map((board) => board.getName())).toEqual(['queries', 'refreshes']);
      const call = queue.queries.run(query(), { timeoutMs: 10_000 });
      const jobs = await until(async () => {
        const found = (await boards[0]?.getJobs(['waiting'], 0, 10)) ?? [];
        return found.length > 0 ? found : null;
      });
      const shown = JSON.stringify(boards[0]?.format('data', jobs?.[0]?.toJSON().data));
      expect(shown).toContain('"field":"patient"');
      expect(shown).not.toContain('planted-42');
      expect(boards[0]?.readOnlyMode).toBe(true);
      await work();
      await call;
    });
  });

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
      expect(status).toMatchObject({ id: jobId, name: 'refresh', view: 'labs', state: 'completed', error: null, attempts: 3, result: refreshed('labs') });
      expect(status?.finished_at).toMatch(/^\d{4}-.*Z$/);
      expect(attempts).toEqual([1, 2, 3]);
      expect(await at.contents()).not.toContain('planted-42');
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
      expect(await queue.jobs.wait(hopeless.jobId, 20_000)).toMatchObject({ state: 'failed', attempts: 1, error: { code: 'VM2002', message: 'text', at: 'unknown' } });
      const unlucky = await queue.refreshes.enqueue('refresh', { view: 'labs', reason: 'request' });
      expect(await queue.jobs.wait(unlucky.jobId, 20_000)).toMatchObject({ state: 'failed', attempts: 2, error: { code: 'VM3002' } });
      expect(attempts).toBe(3);
    });

    it('of a view that waits are joined; of one that runs, one more waits', async () => {
      const queue = await connect();
      const data = { view: 'labs', reason: 'request' } as const;
      const first = await queue.refreshes.enqueue('refresh', data);
      expect(await queue.refreshes.enqueue('refresh', { ...data, reason: 'schedule' })).toEqual({ jobId: first.jobId, deduplicated: true });
      expect((await queue.refreshes.enqueue('refresh', { ...data, view: 'other' })).deduplicated).toBe(false);

      const door = gate();
      await work({
        refresh: {
          refresh: async ({ view }, { signal }) => {
            await door.pass(signal);
            return refreshed(view);
          },
        },
      });
      await until(async () => (await queue.jobs.get(first.jobId))?.state === 'active');
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
      expect(await queue.jobs.wait(jobId, 1)).toMatchObject({ state: 'active', attempts: 1, progress: { resources: 10, rows: 20 }, finished_at: null });
      door.open();
      expect(await queue.jobs.wait(jobId, 10_000)).toMatchObject({ state: 'completed', progress: { phase: 'done', resources: 30 } });
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
      expect(await queue.jobs.wait(running.jobId, 10_000)).toMatchObject({ state: 'cancelled', error: { code: 'VM3006' }, attempts: 1 });

      const unlucky = await queue.refreshes.enqueue('refresh', { view: 'unlucky', reason: 'request' });
      await until(async () => (await queue.jobs.get(unlucky.jobId))?.state === 'delayed');
      expect(await queue.jobs.get(unlucky.jobId)).toMatchObject({ error: { code: 'VM3002' }, attempts: 1 });
      expect(await queue.jobs.cancel(unlucky.jobId)).toBe('cancelled');
      await until(async () => (await queue.counts()).refreshes.failed === 2);
      expect(await queue.jobs.get(unlucky.jobId)).toMatchObject({ state: 'cancelled' });
    });

    it('are taken again and finished by another worker if theirs is killed', async () => {
      const queue = await connect();
      const holding = await holdingWorker(options);
      closers.push(holding.kill);
      const { jobId } = await queue.refreshes.enqueue('refresh', { view: 'labs', reason: 'request' });
      expect(await holding.taken).toBe(jobId);
      await holding.kill();
      await work();
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
      const deaf = await work({
        refresh: {
          refresh: async ({ view }) => {
            await door.pass(new AbortController().signal);
            return refreshed(`${view} by the first`);
          },
        },
      });
      const { jobId } = await queue.refreshes.enqueue('refresh', { view: 'labs', reason: 'request' });
      await until(async () => (await queue.jobs.get(jobId))?.state === 'active');
      await deaf.close({ timeoutMs: 0 });
      await work();
      expect(await queue.jobs.wait(jobId, 20_000)).toMatchObject({ state: 'completed', result: refreshed('labs') });
      door.open();
    });

    it('must have the data of their name', async () => {
      const queue = await connect();
      await expect(queue.refreshes.enqueue('sweep', { scope: 'some' as 'all', reason: 'request' })).rejects.toMatchObject({ code: 'VM2001', at: 'scope' });
    });

    it('are listed newest first and counted, with the workers', async () => {
      const queue = await connect();
      const first = await queue.refreshes.enqueue('refresh', { view: 'a', reason: 'request' });
      const second = await queue.refreshes.enqueue('drop', { view: 'b' });
      expect(await queue.counts()).toMatchObject({ refreshes: { waiting: 2, active: 0, workers: 0 } });
      await work();
      await work();
      for (const { jobId } of [first, second]) await queue.jobs.wait(jobId, 10_000);
      expect(await queue.counts()).toMatchObject({ refreshes: { waiting: 0, completed: 2, failed: 0, workers: 2 }, queries: { workers: 2 } });
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

  describe('schedules', () => {
    const hourly = { id: 'refresh-stale', cron: '0 * * * *', timeZone: 'Europe/Berlin', name: 'sweep', data: { scope: 'stale', reason: 'schedule' } } as const;

    it('applied twice, by two processes, are one; those no longer wanted are removed', async () => {
      const [one, two] = [await connect(), await connect()];
      const daily = { ...hourly, id: 'refresh-all', cron: '0 2 * * *', timeZone: 'UTC' } as const;
      await Promise.all([one.schedules.apply([hourly, daily]), two.schedules.apply([hourly, daily])]);
      await one.schedules.apply([hourly, daily]);
      const listed = await two.schedules.list();
      expect(listed.map(({ id, cron, timeZone }) => `${id} ${cron} ${timeZone}`).sort()).toEqual(['refresh-all 0 2 * * * UTC', 'refresh-stale 0 * * * * Europe/Berlin']);
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
      await expect(queue.schedules.apply([{ ...hourly, cron: 'hourly' }])).rejects.toMatchObject({ code: 'VM3005', at: 'refresh-stale' });
    });
  });

  it('leaves no handle open', async () => {
    expect(await openAndClose(options)).toEqual({ output: 'closed\n', code: 0 });
  });
}
