import { randomBytes } from 'node:crypto';
import type { Logger } from './logger.ts';

/** A short name for one internal error, to be given to the user and found in the log: `f-` and twelve hexadecimal digits. */
export function faultId(): string {
  return `f-${randomBytes(6).toString('hex')}`;
}

/**
 * Logs an internal error at level `error`.
 * @returns its fault id, for the VM9001 that the user sees.
 */
export function logFault(logger: Logger, error: unknown, fields: Readonly<Record<string, unknown>> = {}): string {
  const fault = faultId();
  logger.error(
    { ...fields, fault, err: error instanceof Error ? error : new TypeError(`thrown: a ${typeof error}`) },
    'internal fault',
  );
  return fault;
}
