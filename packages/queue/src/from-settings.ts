import { type Settings, ViewmillError } from '@viewmill/contracts';
import type { QueueOptions } from './options.ts';

/**
 * Where the queue is kept, by the settings: Redis, else a PostgreSQL of its own. Never the FHIR database by itself: nothing is written
 * there outside schema sqlonfhir.
 * @throws ViewmillError VM3005 when neither is named.
 */
export function queueOptionsOf(settings: Settings, onError: (error: unknown) => void): QueueOptions {
  const { REDIS_URL, QUEUE_DATABASE_URL } = settings;
  if (REDIS_URL === undefined && QUEUE_DATABASE_URL === undefined) {
    throw new ViewmillError('VM3005', 'REDIS_URL is needed (or QUEUE_DATABASE_URL, a PostgreSQL that keeps the queue)', {
      at: 'REDIS_URL',
    });
  }
  return {
    ...(REDIS_URL === undefined ? { postgresUrl: QUEUE_DATABASE_URL } : { redisUrl: REDIS_URL }),
    prefix: settings.QUEUE_PREFIX,
    batch: settings.QUERY_BATCH,
    maxPending: settings.QUERY_QUEUE,
    maxPendingOfClient: settings.CLIENT_QUEUE,
    refreshAttempts: settings.REFRESH_ATTEMPTS,
    refreshBackoffMs: settings.REFRESH_BACKOFF_MS,
    keepSeconds: settings.JOB_KEEP_SECONDS,
    onError,
  };
}
