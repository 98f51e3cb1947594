import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../apps/cli/dist/main.js', import.meta.url));

export interface Running {
  readonly child: ChildProcess;
  /** Everything printed so far. */
  readonly output: () => string;
  /** Resolves with the output once it holds the text; rejects if the process ends before. */
  readonly printed: (text: string | RegExp) => Promise<string>;
  /** Sends the signal to the whole process group, as a terminal's Ctrl-C does, and waits for the end. */
  readonly signalGroup: (signal: NodeJS.Signals) => Promise<number | null>;
  readonly ended: Promise<number | null>;
}

/** Runs the built command in a process group of its own. */
export function runViewmill(command: string, env: Readonly<Record<string, string | undefined>>): Running {
  if (!existsSync(MAIN)) throw new Error('the command is not built: run npx tsc -b');
  const child = spawn(process.execPath, [MAIN, command], {
    env: { ...process.env, ...env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  const listeners = new Set<() => void>();
  const add = (chunk: Buffer): void => {
    text += chunk.toString('utf8');
    for (const listener of listeners) listener();
  };
  child.stdout.on('data', add);
  child.stderr.on('data', add);
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  return {
    child,
    ended,
    output: () => text,
    printed: (wanted) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!(typeof wanted === 'string' ? text.includes(wanted) : wanted.test(text))) return;
          listeners.delete(look);
          resolve(text);
        };
        listeners.add(look);
        look();
        ended.then((code) => reject(new Error(`ended with ${code} before it printed ${wanted}:\n${text}`)));
      }),
    signalGroup: (signal) => {
      process.kill(-(child.pid ?? 0), signal);
      return ended;
    },
  };
}
