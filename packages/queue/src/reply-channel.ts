import { type ErrorPayload, type QueryResult, type StreamEnd, type StreamHead, ViewmillError } from '@viewmill/contracts';

/**
 * Carries a query's answer from the worker to the one process that asked. BullMQ's own return value is not used:
 * with `removeOnComplete` waitUntilFinished loses results, and without it patients' rows stay in the queue's database.
 * A frame may be lost when a connection breaks; whoever waits has a time-out and looks after the job's state.
 */
export interface ReplyChannel {
  /** Where answers to this process go. */
  readonly inbox: string;
  /** Begins to take frames from the inbox, and goes on when a lost connection is back; each is gone from the database once delivered.
   * `deliver` says whether more are expected soon. */
  listen(deliver: (frame: string) => boolean): void;
  /** Frames sent one after the other, each when the one before has been sent, arrive in that order. */
  send(inbox: string, frame: string): Promise<void>;
  close(): Promise<void>;
}

/** Answers nobody fetched are dropped after this many seconds. */
export const REPLY_KEEP_SECONDS = 60;

/** A piece of a streamed answer. `head` comes with the first, `end` with the last. */
export interface Chunk {
  readonly head?: StreamHead;
  readonly text: string;
  readonly end?: StreamEnd;
}

export type Reply =
  | { readonly id: string; readonly result: QueryResult }
  | { readonly id: string; readonly error: ErrorPayload }
  | { readonly id: string; readonly chunk: Chunk }
  /** Every query of the batch runs or has run: the worker has room for more. */
  | { readonly begun: string };

/**
 * One line of JSON, then the rows as PostgreSQL wrote them: twenty megabytes of rows are not escaped into a JSON string and back.
 */
export function encodeReply(reply: Reply): string {
  if ('chunk' in reply) {
    const { text, ...chunk } = reply.chunk;
    return `${JSON.stringify({ id: reply.id, chunk })}\n${text}`;
  }
  if (!('result' in reply) || reply.result.kind !== 'rows') return JSON.stringify(reply);
  const { rowsJson, ...rest } = reply.result;
  return `${JSON.stringify({ id: reply.id, result: rest })}\n${rowsJson}`;
}

/** @throws ViewmillError VM9001 for a frame that is not encodeReply's (another version's). */
export function decodeReply(frame: string): Reply {
  const end = frame.indexOf('\n');
  try {
    const reply = JSON.parse(end < 0 ? frame : frame.slice(0, end)) as Reply;
    if (end < 0) return reply;
    const text = frame.slice(end + 1);
    if ('chunk' in reply) return { id: reply.id, chunk: { ...reply.chunk, text } };
    if (!('result' in reply)) return reply;
    return { id: reply.id, result: { ...reply.result, rowsJson: text } as QueryResult };
  } catch (cause) {
    throw new ViewmillError('VM9001', 'an answer from a worker could not be read', { cause });
  }
}
