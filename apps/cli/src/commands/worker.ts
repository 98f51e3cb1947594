import type { Settings } from '@viewmill/contracts';
import { createLogger } from '@viewmill/observability';
import { startWorker } from '@viewmill/worker';
import { runUntilSignal } from '../run-until-signal.ts';

/** `viewmill worker` */
export async function runWorker(settings: Settings): Promise<void> {
  const log = createLogger({ name: 'worker', level: settings.LOG_LEVEL });
  const stop = new AbortController();
  // Listening from the start: a worker that still waits for its database must be stoppable too.
  const stopped = runUntilSignal(async () => stop.abort());
  try {
    const worker = await startWorker({ settings, log, signal: stop.signal });
    await stopped;
    await worker.close();
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  }
}
