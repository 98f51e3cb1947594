import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** The user a command runs as; empty: the user of this process. */
export interface RunAs {
  readonly uid?: number;
  readonly gid?: number;
}

export interface Outcome {
  /** Exit code; null if the command could not be run or was ended by a signal. */
  readonly code: number | null;
  /** stdout and stderr, in the order they came. */
  readonly output: string;
}

/**
 * Runs a command to its end, with a small, locale-independent environment: no PG* variable, library path or secret of this process
 * reaches the servers started.
 */
export function run(command: string, args: readonly string[], as: RunAs = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    // detached: a session of its own, so that Ctrl-C in the terminal does not reach it.
    const child = spawn(command, args, {
      ...as,
      cwd: '/',
      env: serverEnvironment(),
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const collect = (chunk: Buffer): void => {
      output += chunk.toString('utf8');
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', (error) => resolve({ code: null, output: error.message }));
    child.on('close', (code) => resolve({ code, output }));
  });
}

export function serverEnvironment(): NodeJS.ProcessEnv {
  const kept = ['PATH', 'SystemRoot', 'TEMP', 'TMP', 'TMPDIR'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(kept), LC_ALL: 'C' };
}

/**
 * The command line of a running process, '' if there is none: it has ended, is a zombie, or cannot be seen.
 * A living pid alone proves nothing: after a restart of a container the same small numbers are given again.
 */
export async function commandLineOf(pid: number): Promise<string> {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    if (process.platform === 'linux') return '';
    const { code, output } = await run('ps', ['-ww', '-o', 'command=', '-p', String(pid)]);
    return code === 0 ? output.trim() : '';
  }
}

/** Polls until `condition` gives something other than null. @returns null when `timeoutMs` have passed. */
export async function poll<T>(timeoutMs: number, condition: () => Promise<T | null>): Promise<T | null> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const result = await condition();
    if (result !== null) return result;
    if (Date.now() > deadline) return null;
    await delay(20);
  }
}
