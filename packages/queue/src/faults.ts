import { type ErrorPayload, fromErrorPayload, toErrorPayload, ViewmillError } from '@viewmill/contracts';
import { UnrecoverableError } from 'bullmq';

/** Logs an internal error and names it: the fault id that the user is given. */
export type FaultHandler = (error: unknown) => string;

/** What a caller may be told of an error: a ViewmillError as it is, anything else as VM9001 with a fault id. */
export function toPayload(error: unknown, onError: FaultHandler): ErrorPayload {
  if (error instanceof ViewmillError) return toErrorPayload(error);
  return { code: 'VM9001', message: `internal fault ${onError(error)}` };
}

/**
 * The error that a refresh's job fails with. Its text is the payload as JSON, and it has no stack:
 * BullMQ keeps both, and the stack of a foreign error may quote data. Only retryable ones are tried again.
 */
export function toJobError(payload: ErrorPayload): Error {
  const text = JSON.stringify(payload);
  const error = fromErrorPayload(payload).retryable ? new Error(text) : new UnrecoverableError(text);
  error.stack = '';
  return error;
}

/** Reads what toJobError wrote; a text of BullMQ's own (a job that stalled too often) becomes VM3001. */
export function fromFailedReason(reason: string): ErrorPayload {
  if (reason.startsWith('{"code":"VM')) return JSON.parse(reason) as ErrorPayload;
  return { code: 'VM3001', message: reason };
}
