import { type QueryResult, type StreamEnd, type StreamHead, ViewmillError } from '@viewmill/contracts';
import { lost } from './batches.ts';
import type { Chunk } from './reply-channel.ts';

/** Rows that arrive in chunks, no faster than they are read. */
export interface RowStream {
  readonly head: StreamHead;
  /** The whole answer, if it is one chunk: there is nothing else to read then. */
  readonly whole: { readonly text: string; readonly end: StreamEnd } | null;
  /** The chunks' texts, then what is known at the end. Left early, the query is cancelled. @throws ViewmillError as `Queries.run`; VM3030. */
  readonly chunks: AsyncGenerator<string, StreamEnd>;
}

/** Chunks that a worker may be ahead of the reader. */
export const WINDOW = 4;
/** How often, in milliseconds, a grant is repeated while nothing comes: it may have been lost. */
const REPEAT_MS = 1000;

interface Parts {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly onOpen: (stream: RowStream) => void;
  readonly onFail: (error: ViewmillError) => void;
  readonly end: (how: 'answered' | 'abandoned') => boolean;
  /** Time is up before anything came: ends the call and says why. */
  readonly expire: () => Promise<ViewmillError>;
  /** Tells the worker how many chunks it may send in all. */
  readonly grant: (chunks: number) => void;
}

/** The receiving end of a streamed answer: what the call does with what comes. */
export function createRowStream(parts: Parts): {
  readonly settle: (outcome: QueryResult | ViewmillError) => void;
  readonly take: (chunk: Chunk) => void;
} {
  const arrived: Chunk[] = [];
  let open = false;
  let failure: ViewmillError | undefined;
  let wake: () => void = () => undefined;
  let read = 0;
  let granted = WINDOW;

  const timer = setTimeout(() => void parts.expire().catch(lost).then(fail), parts.timeoutMs);
  const onAbort = (): void => fail(new ViewmillError('VM3006', 'the caller is gone'));
  parts.signal?.addEventListener('abort', onAbort);

  function cleanUp(how: 'answered' | 'abandoned'): void {
    clearTimeout(timer);
    parts.signal?.removeEventListener('abort', onAbort);
    parts.end(how);
  }

  function fail(error: ViewmillError, how: 'answered' | 'abandoned' = 'abandoned'): void {
    cleanUp(how);
    if (failure !== undefined) return;
    failure = error;
    if (open) wake();
    else parts.onFail(error);
  }

  /** The next chunk. The grant is said again while it does not come. */
  async function next(): Promise<Chunk> {
    const until = Date.now() + parts.timeoutMs;
    for (;;) {
      const chunk = arrived.shift();
      if (chunk !== undefined) return chunk;
      if (failure !== undefined) throw failure;
      if (Date.now() >= until) throw lost();
      await new Promise<void>((resolve) => {
        const repeat = setTimeout(() => {
          parts.grant(granted);
          resolve();
        }, REPEAT_MS);
        wake = () => {
          clearTimeout(repeat);
          resolve();
        };
      });
    }
  }

  async function* chunks(): AsyncGenerator<string, StreamEnd> {
    let finished = false;
    try {
      for (;;) {
        const { text, end } = await next();
        read += 1;
        if (text !== '') yield text;
        if (end !== undefined) {
          finished = true;
          return end;
        }
        if (granted - read <= WINDOW / 2) {
          granted = read + WINDOW;
          parts.grant(granted);
        }
      }
    } finally {
      cleanUp(finished ? 'answered' : 'abandoned');
    }
  }

  return {
    settle(outcome) {
      if (outcome instanceof ViewmillError) fail(outcome, 'answered');
      else fail(new ViewmillError('VM2001', 'the worker does not stream; is it of another version?'), 'answered');
    },
    take(chunk) {
      if (failure !== undefined) return;
      if (chunk.head !== undefined && open) {
        // The worker died and another one began anew: what was passed on cannot be taken back.
        fail(new ViewmillError('VM3030', 'the worker that sent it is gone'));
        return;
      }
      if (!open) {
        if (chunk.head === undefined) return;
        open = true;
        clearTimeout(timer);
        const { text, end } = chunk;
        const whole = end === undefined ? null : { text, end };
        if (whole === null) arrived.push(chunk);
        else cleanUp('answered');
        parts.onOpen({ head: chunk.head, whole, chunks: chunks() });
        return;
      }
      arrived.push(chunk);
      // All of it is here: a call that is over need not be looked after.
      if (chunk.end !== undefined) cleanUp('answered');
      wake();
    },
  };
}
