import { appendFileSync } from 'node:fs';
import { inject } from 'vitest';

/** What the global setup started, as each test file sees it. */
export interface RunContext {
  /** Short name of this run; part of every database's and key's name. */
  readonly run: string;
  /** URL of the maintenance database of a PostgreSQL where databases may be created; null: see `postgresMissing`. */
  readonly postgresUrl: string | null;
  readonly postgresMissing: string;
  readonly redisUrl: string | null;
  readonly redisMissing: string;
  /** A file that collects what was left out, one line each; the teardown prints it. */
  readonly leftOutFile: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    viewmill: RunContext;
  }
}

export function runContext(): RunContext {
  return inject('viewmill');
}

/** Whether this is a run that may leave nothing out. */
export function isCi(): boolean {
  return process.env.CI === 'true' || process.env.CI === '1';
}

/** Notes that something is not tested, for the line at the end of the run. @throws Error in CI. */
export function leaveOut(what: string, why: string): void {
  if (isCi()) throw new Error(`CI leaves nothing out, but ${what}: ${why}`);
  appendFileSync(runContext().leftOutFile, `${what} (${why})\n`);
}
