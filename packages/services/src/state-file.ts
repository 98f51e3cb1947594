import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';

/** What must be the same at the next start. Kept beside the data folder, readable by its owner only (it holds the password). */
export interface ServiceState {
  readonly user: string;
  readonly password: string;
  readonly port: number | undefined;
}

/** The file of a data folder's state: `<dataDir>.json`. */
export function stateFile(dataDir: string): string {
  return `${dataDir}.json`;
}

/** @returns null if there is no such file, or it does not hold a state. */
export function readState(dataDir: string): ServiceState | null {
  try {
    const parsed: unknown = JSON.parse(readFileSync(stateFile(dataDir), 'utf8'));
    if (typeof parsed !== 'object' || parsed === null) return null;
    const { user, password, port } = parsed as Record<string, unknown>;
    if (typeof user !== 'string' || typeof password !== 'string') return null;
    return { user, password, port: typeof port === 'number' ? port : undefined };
  } catch {
    return null;
  }
}

export function writeState(dataDir: string, state: ServiceState): void {
  const file = stateFile(dataDir);
  // Written beside and renamed: a kill in between never leaves half a file, which would lose the password.
  const half = `${file}.${process.pid}`;
  writeFileSync(half, `${JSON.stringify(state)}\n`, { mode: 0o600 });
  renameSync(half, file);
}

export function randomPassword(): string {
  return randomBytes(18).toString('base64url');
}
