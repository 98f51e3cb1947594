import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Logger } from '@viewmill/observability';

const MAIN = fileURLToPath(new URL('./main.js', import.meta.url));
const FIRST_RESTART_MS = 500;
const MAX_RESTART_MS = 30_000;
/** A process that ran this long was healthy: its next restart begins with the short delay again. */
const HEALTHY_MS = 60_000;

export interface Child {
  /** Asks the process to finish what it runs; resolves when it has ended. */
  readonly stop: () => Promise<void>;
}

/** Runs `viewmill <command>` as a process of its own and starts it again when it dies, with growing delays. */
export function superviseChild(command: 'api' | 'worker', env: NodeJS.ProcessEnv, log: Logger): Child {
  let stopping = false;
  let delay = FIRST_RESTART_MS;
  let child: ChildProcess;
  let timer: NodeJS.Timeout | undefined;
  let ended: () => void = () => undefined;
  const end = new Promise<void>((resolve) => {
    ended = resolve;
  });

  const launch = (): void => {
    const startedAt = Date.now();
    // A process group of its own: Ctrl-C must not reach workers before the supervisor has decided the order of the stop.
    child = spawn(process.execPath, [MAIN, command], { env, stdio: ['ignore', 'inherit', 'inherit'], detached: true });
    child.once('exit', (code, signal) => {
      if (stopping) return ended();
      if (Date.now() - startedAt > HEALTHY_MS) delay = FIRST_RESTART_MS;
      log.error({ command, code, signal, delay }, 'process ended, starting it again');
      timer = setTimeout(launch, delay);
      delay = Math.min(delay * 2, MAX_RESTART_MS);
    });
  };
  launch();
  return {
    stop: () => {
      stopping = true;
      clearTimeout(timer);
      if (child.exitCode !== null || child.signalCode !== null) ended();
      else child.kill('SIGTERM');
      return end;
    },
  };
}
