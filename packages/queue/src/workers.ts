import { setTimeout as delay } from 'node:timers/promises';
import { LANES, type Lane, QUEUE_NAMES } from '@viewmill/contracts';
import { type ActiveJobs, createActiveJobs } from './active-jobs.ts';
import { createActiveQueries } from './active-queries.ts';
import type { Backend, JobQueue } from './backend.ts';
import type { FaultHandler } from './faults.ts';
import { laneQueueName } from './lanes.ts';
import type { QueueSettings } from './options.ts';
import { createParts } from './parts.ts';
import { type QueryHandler, queryProcessor } from './query-processor.ts';
import { type RefreshHandlers, refreshProcessor } from './refresh-processor.ts';
import { WINDOW } from './row-stream.ts';
import { createSlots } from './slots.ts';

export interface WorkerOptions {
  readonly query: QueryHandler;
  readonly refresh: RefreshHandlers;
  /** Queries that run at once in this process, by lane (8, 2, 1). */
  readonly queryConcurrency?: Partial<Readonly<Record<Lane, number>>>;
  /** Refreshes that run at once in this process (1). */
  readonly refreshConcurrency?: number;
  /** Logs an internal error and returns the fault id that the user sees. Also told of lost connections. */
  readonly onError: FaultHandler;
}

export interface Workers {
  /**
   * Takes no more jobs, waits for the running ones up to `timeoutMs` (30 000), then tells those to stop; they go back to the queue.
   * With `drain: false` they are told at once.
   */
  close(options?: { readonly drain?: boolean; readonly timeoutMs?: number }): Promise<void>;
}

/** Times a job may be found stalled before it fails: a refresh survives a row of killed workers, a query that kills workers does not. */
const MAX_STALLED = { query: 2, refresh: 20 };
const CONCURRENCY: Readonly<Record<Lane, number>> = { interactive: 8, heavy: 2, exports: 1 };
/** How long jobs that were told to stop may take to do so, in milliseconds. */
const STOP_MS = 3000;

export async function startWorkers(
  backend: Backend,
  queues: { lanes: Readonly<Record<Lane, JobQueue>>; refresh: JobQueue },
  settings: QueueSettings,
  options: WorkerOptions,
): Promise<Workers> {
  const { onError } = options;
  const timing = { lockDuration: settings.lockMs, stalledInterval: Math.max(settings.lockMs / 2, 100) };

  function start(name: string, concurrency: number, maxStalledCount: number, active: Active, process: Processor) {
    const worker = backend.worker(name, process, { ...timing, concurrency, maxStalledCount });
    worker.on('error', (error) => void onError(error));
    worker.on('lockRenewalFailed', (ids) => {
      for (const id of ids) active.stop(id, 'lost');
    });
    return { worker, active };
  }

  function startLane(lane: Lane) {
    const concurrency = options.queryConcurrency?.[lane] ?? CONCURRENCY[lane];
    const active = createActiveQueries((id) => queues.lanes[lane].getJob(id), backend.control, WINDOW, onError);
    const slots = createSlots(concurrency);
    const processor = queryProcessor({ handler: options.query, replies: backend.replies, active, slots, onError });
    // As many jobs as slots fill all slots, for each job has a query that is not answered; more would only be hoarded.
    return start(laneQueueName(lane), concurrency, MAX_STALLED.query, active, processor);
  }

  const activeRefreshes = createActiveJobs((id) => queues.refresh.getJob(id), onError);
  const started = [
    ...LANES.map(startLane),
    start(
      QUEUE_NAMES.refresh,
      options.refreshConcurrency ?? 1,
      MAX_STALLED.refresh,
      activeRefreshes,
      refreshProcessor(options.refresh, activeRefreshes, onError, createParts(queues.refresh, settings)),
    ),
  ];
  for (const { worker } of started) {
    await worker.waitUntilReady();
    worker.run().catch((error: unknown) => void onError(error));
  }

  let closing: Promise<void> | undefined;
  async function close({ drain = true, timeoutMs = 30_000 }: { drain?: boolean; timeoutMs?: number } = {}): Promise<void> {
    const drained = Promise.all(started.map(({ worker }) => worker.close())).then(() => true);
    const cut = new AbortController();
    const inTime = (ms: number): Promise<boolean> =>
      Promise.race([drained, delay(ms, false, { signal: cut.signal }).catch(() => false)]);
    if (!(drain && (await inTime(timeoutMs)))) {
      for (const { active } of started) active.stopAll('shutdown');
      // Work that does not heed its signal is left: its lock runs out and another worker takes it.
      if (!(await inTime(STOP_MS))) await Promise.all(started.map(({ worker }) => worker.disconnect()));
    }
    cut.abort();
    for (const { active } of started) active.close();
  }

  return {
    close(how) {
      closing ??= close(how);
      return closing;
    },
  };
}

/** What runs now and can be told to stop. */
type Active = Pick<ActiveJobs, 'stop' | 'stopAll' | 'close'>;
type Processor = Parameters<Backend['worker']>[1];
