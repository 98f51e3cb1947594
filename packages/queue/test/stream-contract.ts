import type { QueryResult, StreamHead } from '@viewmill/contracts';
import type { RowStream } from '@viewmill/queue';
import { until } from '@viewmill/testkit';
import { describe, expect, it } from 'vitest';
import type { Bench } from './contract.ts';
import { META, query } from './helpers.ts';

const HEAD: StreamHead = { columns: ['id'], meta: META };
const END: QueryResult = { kind: 'streamed', columns: ['id'], next: null, meta: { ...META, rows: 40 } };

/** What is true of answers in chunks. */
export function streamContract({ connect, work, at }: Bench): void {
  describe('streams', () => {
    // Made anew each time: it has a deadline.
    const streamed = () => query({ stream: 'ndjson' });
    const wait = { timeoutMs: 20_000 };

    async function all({ chunks }: RowStream): Promise<{ readonly texts: string[]; readonly end: unknown }> {
      const texts: string[] = [];
      for (;;) {
        const { value, done } = await chunks.next();
        if (done === true) return { texts, end: value };
        texts.push(value);
      }
    }

    it('of one chunk are one frame, with head and end', async () => {
      const queue = await connect();
      await work({
        query: async (_job, { write }) => {
          await write(HEAD, '{"id":"secret-row"}\n');
          return END;
        },
      });
      const { head, whole } = await queue.queries.stream(streamed(), wait);
      expect(head).toEqual(HEAD);
      expect(whole).toEqual({ text: '{"id":"secret-row"}\n', end: { next: null, meta: { ...META, rows: 40 } } });
      await until(async () => (await queue.counts()).queries.active === 0);
      expect(await at().contents()).not.toContain('secret-row');
    });

    it('of no row have a head and an end', async () => {
      const queue = await connect();
      await work({ query: async () => END });
      expect((await queue.queries.stream(streamed(), wait)).whole).toMatchObject({ text: '', end: { next: null } });
    });

    it('come in order, and no faster than they are read', async () => {
      const queue = await connect();
      let written = 0;
      await work({
        query: async (_job, { write }) => {
          for (let n = 0; n < 40; n += 1) {
            await write(HEAD, `${n}\n`);
            written += 1;
          }
          return END;
        },
      });
      const stream = await queue.queries.stream(streamed(), wait);
      expect(stream.whole).toBeNull();
      await until(() => written >= 5);
      // Four granted, one held back, one that waits to be granted.
      expect(written).toBeLessThanOrEqual(6);
      const { texts, end } = await all(stream);
      expect(texts).toEqual(Array.from({ length: 40 }, (_, n) => `${n}\n`));
      expect(end).toMatchObject({ next: null, meta: { rows: 40 } });
    });

    it('stop the worker when they are left early, or the caller is gone', async () => {
      const queue = await connect();
      const stopped: unknown[] = [];
      await work({
        query: async (_job, { write, signal }) => {
          signal.addEventListener('abort', () => stopped.push(signal.reason));
          for (;;) await write(HEAD, 'x\n');
        },
      });
      const left = await queue.queries.stream(streamed(), wait);
      await left.chunks.next();
      await left.chunks.return(undefined as never);
      await until(() => stopped.length === 1);
      const leaver = new AbortController();
      const cut = await queue.queries.stream(streamed(), { ...wait, signal: leaver.signal });
      leaver.abort();
      await until(() => stopped.length === 2);
      await expect(all(cut)).rejects.toMatchObject({ code: 'VM3006' });
      expect(stopped).toEqual(['cancelled', 'cancelled']);
      await until(async () => (await queue.counts()).queries.active === 0);
    });

    it('throw what the worker throws, before the first chunk and after', async () => {
      const queue = await connect();
      await work({
        query: async (job, { write }) => {
          if (job.requestId === 'late') for (let n = 0; n < 3; n += 1) await write(HEAD, 'x\n');
          throw new TypeError('planted-42');
        },
      });
      await expect(queue.queries.stream(streamed(), wait)).rejects.toMatchObject({ code: 'VM9001' });
      const late = await queue.queries.stream({ ...streamed(), requestId: 'late' }, wait);
      await expect(all(late)).rejects.toMatchObject({ code: 'VM9001' });
    });

    it('break off with VM3030 when their worker is shut down', async () => {
      const queue = await connect();
      const worker = await work({
        query: async (_job, { write }) => {
          for (;;) await write(HEAD, 'x\n');
        },
      });
      const stream = await queue.queries.stream(streamed(), wait);
      await stream.chunks.next();
      await worker.close({ timeoutMs: 0 });
      await expect(all(stream)).rejects.toMatchObject({ code: 'VM3030' });
    });
  });
}
