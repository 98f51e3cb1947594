import { ViewmillError } from '@viewmill/contracts';
import { until } from '@viewmill/testkit';
import { describe, expect, it } from 'vitest';
import type { Bench } from './contract.ts';
import { cable, holdingWorker, META, query, rows, SHORT_LOCK, worker } from './helpers.ts';

/** What is true of queries. */
export function queryContract({ at, connect, work, options, later }: Bench): void {
  describe('queries', () => {
    it('are answered, and leave no search value and no row behind', async () => {
      const queue = await connect();
      await work({
        query: async (job, { enqueuedAt }) =>
          rows(`[{"id":"secret-row","field":"${job.search.conditions[0]?.field}","waited":${Date.now() >= enqueuedAt}}]`),
      });
      const result = await queue.queries.run(query(), { timeoutMs: 10_000 });
      expect(result).toEqual(rows('[{"id":"secret-row","field":"patient","waited":true}]'));
      await until(async () => (await queue.counts()).queries.active === 0);
      const contents = await at().contents();
      expect(contents).not.toContain('planted-42');
      expect(contents).not.toContain('secret-row');
    });

    it('give counts and schemas as they are', async () => {
      const queue = await connect();
      const columns = [{ name: 'id', type: 'id', sqlType: 'text', description: null, collection: false }];
      await work({
        query: async (job) => (job.kind === 'count' ? { kind: 'count', meta: META, count: 7 } : { kind: 'schema', columns }),
      });
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
      const diagnostics = [
        { code: 'VM1003', message: 'no element x', at: 'select[0]', position: { line: 1, column: 2 } },
      ] as const;
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
      expect(await at().contents()).not.toContain('planted-42');
    });

    it('end with VM3001 if no worker takes them, and are gone then', async () => {
      const queue = await connect();
      await expect(queue.queries.run(query(), { timeoutMs: 200 })).rejects.toMatchObject({ code: 'VM3001' });
      expect(await queue.counts()).toMatchObject({ queries: { waiting: 0, failed: 0, workers: 0 } });
      expect(await at().contents()).not.toContain('planted-42');
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
      await expect(queue.queries.run(query({ deadline: Date.now() + 10_000 }), { timeoutMs: 300 })).rejects.toMatchObject({
        code: 'VM3007',
      });
      await until(() => stopped);
      await until(async () => (await queue.counts()).queries.active === 0);
      expect(await at().contents()).not.toContain('planted-42');
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
      await expect(queue.queries.run(query(), { timeoutMs: 10_000, signal: late.signal })).rejects.toMatchObject({
        code: 'VM3006',
      });
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
      await expect(
        queue.queries.run(query({ requestId: 'late', deadline: Date.now() - 1 }), { timeoutMs: 400 }),
      ).rejects.toMatchObject({ code: 'VM3001' });
      await other.queries.run(query({ requestId: 'in time' }), { timeoutMs: 10_000 });
      expect(ran).toEqual(['in time']);
    });

    it('are bounded: no more in the queue than maxInFlight, and VM3008 beyond maxPending', async () => {
      const queue = await connect({ maxInFlight: 2, maxPending: 4 });
      const calls = Array.from({ length: 4 }, (_, n) => queue.queries.run(query({ requestId: `r-${n}` }), { timeoutMs: 10_000 }));
      await until(async () => (await queue.counts()).queries.waiting === 2);
      await expect(queue.queries.run(query(), { timeoutMs: 10_000 })).rejects.toMatchObject({ code: 'VM3008' });
      expect(await queue.counts()).toMatchObject({ queries: { waiting: 2 } });
      await work();
      expect(await Promise.all(calls)).toHaveLength(4);
    });

    it('go to another worker if theirs is killed', async () => {
      const queue = await connect();
      const holding = await holdingWorker({ ...options(), lockMs: SHORT_LOCK });
      later(holding.kill);
      const answer = queue.queries.run(query({ requestId: 'r-1' }), { timeoutMs: 20_000 });
      expect(await holding.taken).toBe('r-1');
      await holding.kill();
      await work({}, { lockMs: SHORT_LOCK });
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
      const wire = await cable(at().url);
      later(wire.close);
      const queue = await connect(at().options(wire.url));
      await work();
      await queue.queries.run(query(), { timeoutMs: 10_000 });
      wire.cut();
      await expect(queue.queries.run(query(), { timeoutMs: 300 })).rejects.toMatchObject({ code: 'VM3003' });
      wire.mend();
      await until(() => queue.queries.run(query(), { timeoutMs: 3000 }), { timeoutMs: 20_000 });
    });

    it('are answered by a worker whose connection was lost', async () => {
      const wire = await cable(at().url);
      later(wire.close);
      const queue = await connect();
      const far = await connect({ ...at().options(wire.url), lockMs: SHORT_LOCK });
      const workers = await far.startWorkers(worker());
      later(() => workers.close({ timeoutMs: 0 }));
      await queue.queries.run(query(), { timeoutMs: 10_000 });
      wire.cut();
      wire.mend();
      expect(await queue.queries.run(query(), { timeoutMs: 30_000 })).toEqual(rows('[{"id":"1"}]'));
    });

    it('are hidden from the board', async () => {
      const queue = await connect();
      const boards = queue.boardQueues();
      expect(boards.map((board) => board.getName())).toEqual(['queries', 'queries-heavy', 'queries-exports', 'refreshes']);
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
}
