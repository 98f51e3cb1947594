import { type ErrorPayload, type QueryResult, ViewmillError } from '@viewmill/contracts';

/**
 * Carries a query's answer from the worker to the one process that asked. BullMQ's own return value is not used:
 * with `removeOnComplete` waitUntilFinished loses results, and without it patients' rows stay in the queue's database.
 * A frame may be lost when a connection breaks; whoever waits has a time-out and looks after the job's state.
 */
export interface ReplyChannel {
  /** Where answers to this process go. */
  readonly inbox: string;
  /** Begins to take frames from the inbox, and goes on when a lost connection is back; each is gone from the database once delivered. */
  listen(deliver: (frame: string) => void): void;
  send(inbox: string, frame: string): Promise<void>;
  close(): Promise<void>;
}

/** Answers nobody fetched are dropped after this many seconds. */
export const REPLY_KEEP_SECONDS = 60;

export type Reply = { readonly id: string; readonly result: QueryResult } | { readonly id: string; readonly error: ErrorPayload };

/**
 * One line of JSON, then the rows as PostgreSQL wrote them: twenty megabytes of rows are not escaped into a JSON string and back.
 */
export function encodeReply(reply: Reply): string {
  if ('error' in reply || reply.result.kind !== 'rows') return JSON.stringify(reply);
  const { rowsJson, ...rest } = reply.result;
  return `${JSON.stringify({ id: reply.id, result: rest })}\n${rowsJson}`;
}

/** @throws ViewmillError VM9001 for a frame that is not encodeReply's (another version's). */
export function decodeReply(frame: string): Reply {
  const end = frame.indexOf('\n');
  try {
    const reply = JSON.parse(end < 0 ? frame : frame.slice(0, end)) as Reply;
    if (end < 0 || 'error' in reply) return reply;
    return { id: reply.id, result: { ...reply.result, rowsJson: frame.slice(end + 1) } as QueryResult };
  } catch (cause) {
    throw new ViewmillError('VM9001', 'an answer from a worker could not be read', { cause });
  }
}
