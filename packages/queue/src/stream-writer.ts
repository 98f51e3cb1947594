import { type QueryResult, type StreamHead, ViewmillError } from '@viewmill/contracts';
import type { ActiveQuery } from './active-queries.ts';
import type { Chunk, Reply } from './reply-channel.ts';

/** How long a reader may take nothing before its query is given up: it holds a snapshot of the database and a place in its lane. Milliseconds. */
const PATIENCE_MS = 60_000;

/**
 * The sending end of a streamed answer. A chunk is held back until the next one is written, so that the last one carries the end,
 * and an answer of one chunk is one frame.
 */
export function createStreamWriter(id: string, running: ActiveQuery, send: (reply: Reply) => Promise<void>) {
  let held: Chunk | undefined;
  let chunks = 0;
  /** Chunks arrive in the order they are sent in, if each waits for the one before; meanwhile the database is read on. */
  let sending: Promise<void> = Promise.resolve();

  async function post(chunk: Chunk): Promise<void> {
    chunks += 1;
    if (!(await running.granted(chunks, PATIENCE_MS))) {
      running.signal.throwIfAborted();
      throw new ViewmillError('VM3007', 'the reader takes nothing');
    }
    await sending;
    sending = send({ id, chunk });
    // Seen by whoever waits next; until then a failure must not count as unhandled.
    sending.catch(() => undefined);
  }

  return {
    async write(head: StreamHead, text: string): Promise<void> {
      if (held === undefined) {
        held = { head, text };
        return;
      }
      const ready = held;
      held = { text };
      // Callers that wait longer than their deadline for the first chunk are gone; for the rest there is the reader's patience.
      running.extend();
      await post(ready);
    },

    /** The last frame: what the handler returned, with what is held. */
    async last(result: QueryResult): Promise<Reply> {
      if (result.kind !== 'streamed') return { id, result };
      const { columns, next, meta } = result;
      const end = { next, meta };
      const last: Chunk = { ...(held ?? { head: { columns, meta }, text: '' }), end };
      if (chunks > 0 && !(await running.granted(chunks + 1, PATIENCE_MS))) {
        running.signal.throwIfAborted();
        throw new ViewmillError('VM3007', 'the reader takes nothing');
      }
      await sending;
      return { id, chunk: last };
    },

    hasSent: () => chunks > 0,
  };
}
