import type { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { QUEUE_NAMES, ViewmillError } from '@viewmill/contracts';
import type { Backend, JobQueue } from './backend.ts';
import { boardQueues } from './board.ts';
import { createJobs, type Jobs } from './jobs.ts';
import { byLane, laneQueueName } from './lanes.ts';
import { type QueueOptions, type QueueSettings, withDefaults } from './options.ts';
import { postgresBackend } from './postgres.ts';
import { createQueries, type Queries } from './queries.ts';
import { redisBackend } from './redis.ts';
import { createRefreshes, type Refreshes } from './refreshes.ts';
import { createSchedules, type Schedules } from './schedules.ts';
import { beforeTimeout } from './within.ts';
import { startWorkers, type WorkerOptions, type Workers } from './workers.ts';

export interface QueueCounts {
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
  readonly completed: number;
  readonly failed: number;
  /** Workers that are connected now, in all processes. */
  readonly workers: number;
}

export interface QueueConnection {
  readonly backend: 'redis' | 'postgres';
  readonly queries: Pick<Queries, 'run' | 'stream'>;
  readonly refreshes: Refreshes;
  readonly jobs: Jobs;
  readonly schedules: Schedules;
  /** Of batches of queries in all lanes, and of refreshes. */
  counts(): Promise<{ readonly queries: QueueCounts; readonly refreshes: QueueCounts }>;
  /** For `@bull-board/fastify`. */
  boardQueues(): BullMQAdapter[];
  startWorkers(options: WorkerOptions): Promise<Workers>;
  /** Rejects the queries that wait and closes every connection. Workers are closed by their own `close` before. */
  close(): Promise<void>;
}

/**
 * Connects to the queue, wherever it is kept; on PostgreSQL its tables are made or brought up to date.
 * @throws ViewmillError VM3003 if the server cannot be reached within `connectTimeoutMs`, VM3005 unless exactly one URL is given.
 */
export async function connectQueue(options: QueueOptions): Promise<QueueConnection> {
  const settings = withDefaults(options);
  const backend = await openBackend(options, settings);
  const lanes = byLane((lane) => backend.queue(laneQueueName(lane)));
  const queues = { lanes, refresh: backend.queue(QUEUE_NAMES.refresh) };
  const all = [...Object.values(lanes), queues.refresh];
  for (const queue of all) queue.on('error', settings.onError);
  const queries = createQueries(lanes, backend.replies, backend.control, settings);

  let closing: Promise<void> | undefined;
  async function close(): Promise<void> {
    await queries.close();
    await Promise.all(all.map((queue) => queue.close()));
    await backend.close();
  }

  try {
    await beforeTimeout(Promise.all(all.map((queue) => queue.waitUntilReady())), settings.connectTimeoutMs);
  } catch (cause) {
    await backend.close();
    await Promise.allSettled(all.map((queue) => queue.disconnect()));
    throw unreachable(cause);
  }
  return {
    backend: backend.kind,
    queries,
    refreshes: createRefreshes(queues.refresh, settings),
    jobs: createJobs(queues.refresh),
    schedules: createSchedules(queues.refresh, settings),
    async counts() {
      const [refreshes, ...queryCounts] = await Promise.all([queues.refresh, ...Object.values(lanes)].map(count));
      return { queries: sum(queryCounts), refreshes: refreshes ?? NONE };
    },
    boardQueues: () => boardQueues(queues),
    startWorkers: (workerOptions) => startWorkers(backend, queues, settings, workerOptions),
    close() {
      closing ??= close();
      return closing;
    },
  };
}

async function openBackend({ redisUrl, postgresUrl }: QueueOptions, settings: QueueSettings): Promise<Backend> {
  if ((redisUrl === undefined) === (postgresUrl === undefined))
    throw new ViewmillError('VM3005', 'the queue needs either a Redis or a PostgreSQL URL');
  try {
    return await (redisUrl === undefined ? postgresBackend(postgresUrl ?? '', settings) : redisBackend(redisUrl, settings));
  } catch (cause) {
    throw unreachable(cause);
  }
}

async function count(queue: JobQueue): Promise<QueueCounts> {
  const [counts, workers] = await Promise.all([
    queue.getJobCounts('waiting', 'prioritized', 'active', 'delayed', 'completed', 'failed'),
    queue.getWorkersCount(),
  ]);
  const of = (state: string): number => counts[state] ?? 0;
  return {
    waiting: of('waiting') + of('prioritized'),
    active: of('active'),
    delayed: of('delayed'),
    completed: of('completed'),
    failed: of('failed'),
    workers,
  };
}

const NONE: QueueCounts = { waiting: 0, active: 0, delayed: 0, completed: 0, failed: 0, workers: 0 };

/** Every worker serves every lane. */
function sum(counts: readonly QueueCounts[]): QueueCounts {
  return counts.reduce(
    (total, next) => ({
      waiting: total.waiting + next.waiting,
      active: total.active + next.active,
      delayed: total.delayed + next.delayed,
      completed: total.completed + next.completed,
      failed: total.failed + next.failed,
      workers: Math.max(total.workers, next.workers),
    }),
    NONE,
  );
}

function unreachable(cause: unknown): ViewmillError {
  return new ViewmillError('VM3003', 'the queue cannot be reached', { cause });
}
