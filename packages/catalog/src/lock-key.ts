import { createHash } from 'node:crypto';

/** A key for `pg_advisory_lock(int, int)` from texts: the same everywhere and always. */
export function lockKey(...parts: readonly string[]): number {
  return createHash('sha256').update(parts.join('\0')).digest().readInt32BE(0);
}
