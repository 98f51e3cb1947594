import { until } from '@viewmill/testkit';
import { describe, expect, it } from 'vitest';
import type { Bench } from './contract.ts';
import { gate, query, rows } from './helpers.ts';

/** What is true of queries that travel together. */
export function batchContract({ connect, work }: Bench): void {
  describe('queries of one process', () => {
    const answer = { timeoutMs: 20_000 };

    it('travel together while they wait: fifty are a few jobs', async () => {
      const queue = await connect();
      const calls = Array.from({ length: 50 }, (_, n) => queue.queries.run(query({ requestId: `r-${n}` }), answer));
      await until(async () => (await queue.counts()).queries.waiting >= 2);
      expect((await queue.counts()).queries.waiting).toBeLessThanOrEqual(4);
      await work({ query: async (job) => rows(`["${job.requestId}"]`) });
      expect(await Promise.all(calls)).toEqual(calls.map((_, n) => rows(`["r-${n}"]`)));
    });

    it('run once if they are equal and wait; who leaves does not stop it for the others', async () => {
      const queue = await connect();
      const ran: string[] = [];
      const first = queue.queries.run(query({ requestId: 'first' }), answer);
      const leaver = new AbortController();
      const left = queue.queries.run(query(), { ...answer, signal: leaver.signal });
      const equal = Array.from({ length: 5 }, (_, n) => queue.queries.run(query({ deadline: Date.now() + 20_000 + n }), answer));
      const other = queue.queries.run(query({ kind: 'count' }), answer);
      leaver.abort();
      await expect(left).rejects.toMatchObject({ code: 'VM3006' });
      await work({
        query: async (job) => {
          ran.push(job.requestId ?? job.kind);
          return rows(`["${job.kind}"]`);
        },
      });
      expect(await Promise.all([...equal, other])).toEqual([...equal.map(() => rows('["rows"]')), rows('["count"]')]);
      await first;
      expect(ran.sort()).toEqual(['count', 'first', 'rows']);
    });

    it('are answered each as soon as it is done, no more at once than the worker may', async () => {
      const queue = await connect();
      const calls = Array.from({ length: 12 }, (_, n) => queue.queries.run(query({ requestId: `r-${n}` }), answer));
      const { open, pass } = gate();
      let running = 0;
      let most = 0;
      await work({
        queryConcurrency: { interactive: 3 },
        query: async (job, { signal }) => {
          running += 1;
          most = Math.max(most, running);
          if (job.requestId === 'r-3') await pass(signal);
          await new Promise((resolve) => setImmediate(resolve));
          running -= 1;
          return rows('[]');
        },
      });
      await Promise.all(calls.filter((_, n) => n !== 3));
      expect(running).toBe(1);
      open();
      await calls[3];
      expect(most).toBe(3);
    });

    it('are cancelled one by one: its worker stops this query and no other', async () => {
      const queue = await connect();
      const leaver = new AbortController();
      const ahead = queue.queries.run(query({ requestId: 'ahead' }), answer);
      const leaving = queue.queries.run(query({ requestId: 'leaver' }), { ...answer, signal: leaver.signal });
      const staying = queue.queries.run(query({ requestId: 'stayer' }), answer);
      const { open, pass } = gate();
      const running = new Set<string>();
      const stopped: string[] = [];
      await work({
        query: async (job, { signal }) => {
          const id = job.requestId ?? '';
          running.add(id);
          signal.addEventListener('abort', () => stopped.push(`${id} ${signal.reason}`));
          await pass(signal);
          return rows(`["${id}"]`);
        },
      });
      await until(() => running.size === 3);
      leaver.abort();
      await expect(leaving).rejects.toMatchObject({ code: 'VM3006' });
      await until(() => stopped.length > 0);
      open();
      expect(await Promise.all([ahead, staying])).toEqual([rows('["ahead"]'), rows('["stayer"]')]);
      expect(stopped).toEqual(['leaver cancelled']);
    });

    it('are taken out of a waiting job when their callers are gone, and are not run', async () => {
      const queue = await connect();
      const leaver = new AbortController();
      const ahead = queue.queries.run(query({ requestId: 'ahead' }), answer);
      const gone = Array.from({ length: 3 }, (_, n) =>
        queue.queries.run(query({ requestId: `gone-${n}` }), { ...answer, signal: leaver.signal }),
      );
      const staying = queue.queries.run(query({ requestId: 'stayer' }), answer);
      await until(async () => (await queue.counts()).queries.waiting === 2);
      leaver.abort();
      await Promise.allSettled(gone);
      await until(async () => {
        const jobs = (await queue.boardQueues()[0]?.getJobs(['waiting'], 0, 10)) ?? [];
        return !JSON.stringify(jobs.map((job) => job.toJSON())).includes('gone-');
      });
      const ran: unknown[] = [];
      await work({
        query: async (job) => {
          ran.push(job.requestId);
          return rows('[]');
        },
      });
      await Promise.all([ahead, staying]);
      expect(ran.sort()).toEqual(['ahead', 'stayer']);
    });

    it('go to another worker when theirs is shut down, but for those it has answered', async () => {
      const queue = await connect();
      const calls = ['a', 'b', 'c', 'd'].map((id) => queue.queries.run(query({ requestId: id }), answer));
      const ran: string[] = [];
      const first = await work({
        query: async (job, { signal }) => {
          ran.push(`${job.requestId}1`);
          if (job.requestId !== 'b') await gate().pass(signal);
          return rows('["first"]');
        },
      });
      expect(await calls[1]).toEqual(rows('["first"]'));
      await until(() => ran.length === 4);
      await first.close({ timeoutMs: 0 });
      await work({
        query: async (job) => {
          ran.push(`${job.requestId}2`);
          return rows('["second"]');
        },
      });
      await Promise.all(calls);
      expect(ran.sort()).toEqual(['a1', 'a2', 'b1', 'c1', 'c2', 'd1', 'd2']);
    });

    it('have lanes: what fills one does not hold up another', async () => {
      const queue = await connect();
      const { open, pass } = gate();
      await work({
        queryConcurrency: { heavy: 1 },
        query: async (job, { signal }) => {
          if (job.requestId?.startsWith('slow')) await pass(signal);
          return rows(`["${job.requestId}"]`);
        },
      });
      const slow = [1, 2, 3].map((n) => queue.queries.run(query({ requestId: `slow-${n}` }), { ...answer, lane: 'heavy' }));
      await until(async () => (await queue.counts()).queries.active === 1);
      expect(await queue.queries.run(query({ requestId: 'quick' }), answer)).toEqual(rows('["quick"]'));
      open();
      await Promise.all(slow);
    });

    it('take turns by client, those of higher priority first', async () => {
      const queue = await connect({ maxInFlight: 1 });
      const ran: string[] = [];
      const ask = (id: string, client: string, priority = 0) =>
        queue.queries.run(query({ requestId: id }), { ...answer, client, priority });
      const calls = [...['a1', 'a2', 'a3', 'a4'].map((id) => ask(id, 'a')), ask('b1', 'b'), ask('b2', 'b'), ask('c1', 'c', 1)];
      await work({
        query: async (job) => {
          ran.push(job.requestId ?? '');
          return rows('[]');
        },
      });
      await Promise.all(calls);
      // The first was sent before there was a choice.
      expect(ran).toEqual(['a1', 'c1', 'a2', 'b1', 'a3', 'b2', 'a4']);
    });

    it('are refused with VM2011 when a client has too many of them waiting, while others may ask', async () => {
      const queue = await connect({ maxPendingOfClient: 2 });
      const calls = ['1', '2'].map((id) => queue.queries.run(query({ requestId: id }), { ...answer, client: 'greedy' }));
      await expect(queue.queries.run(query(), { ...answer, client: 'greedy' })).rejects.toMatchObject({ code: 'VM2011' });
      calls.push(queue.queries.run(query(), { ...answer, client: 'modest' }));
      await work();
      expect(await Promise.all(calls)).toHaveLength(3);
    });
  });
}
