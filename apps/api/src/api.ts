import { type Catalog, createCatalog } from '@viewmill/catalog';
import type { Settings } from '@viewmill/contracts';
import type { Logger } from '@viewmill/observability';
import { logFault } from '@viewmill/observability';
import { connectQueue, type QueueConnection, queueOptionsOf } from '@viewmill/queue';
import pg from 'pg';
import { laneOf } from './lanes.ts';
import { createServer } from './server.ts';
import type { ApiServices } from './services.ts';

/** The catalog is read only here; a few connections are plenty. */
const POOL_SIZE = 4;

export interface RunningApi {
  readonly url: string;
  readonly close: () => Promise<void>;
}

export interface ApiOptions {
  readonly settings: Settings;
  readonly log: Logger;
}

/**
 * Connects, listens, and answers until closed.
 * @throws ViewmillError VM3003 when the queue cannot be reached, VM3005 when settings are missing.
 */
export async function startApi({ settings, log }: ApiOptions): Promise<RunningApi> {
  const pool = new pg.Pool({
    connectionString: settings.CATALOG_DATABASE_URL ?? settings.DATABASE_URL,
    max: POOL_SIZE,
    application_name: 'viewmill-api',
  });
  // A connection that dies while idle is replaced at the next query; without a listener it would end the process.
  pool.on('error', (error) => log.warn({ code: (error as { code?: string }).code }, 'database connection lost'));
  const queue = await connectQueue(queueOptionsOf(settings, (error) => logFault(log, error)));
  log.info({ queue: queue.backend }, 'queue connected');
  const catalog = createCatalog({ pool, schema: settings.SQLONFHIR_SCHEMA });
  const app = await createServer(servicesOf(settings, log, queue, catalog), queue.boardQueues());
  const url = await app.listen({ host: settings.HOST, port: settings.PORT });
  log.info({ url }, 'API listens');
  return {
    url,
    close: async () => {
      await app.close();
      await queue.close();
      await pool.end();
    },
  };
}

function servicesOf(settings: Settings, log: Logger, queue: QueueConnection, catalog: Catalog): ApiServices {
  const timeoutMs = settings.QUERY_TIMEOUT_SECONDS * 1000;
  return {
    settings,
    log,
    query: (job, caller) =>
      queue.queries.run({ ...job, deadline: Date.now() + timeoutMs }, { timeoutMs, ...caller, lane: laneOf(job) }),
    stream: (job, caller) =>
      queue.queries.stream({ ...job, deadline: Date.now() + timeoutMs }, { timeoutMs, ...caller, lane: laneOf(job) }),
    enqueue: (name, data) => queue.refreshes.enqueue(name, data),
    jobs: {
      get: (id) => queue.jobs.get(id),
      wait: (id, milliseconds) => queue.jobs.wait(id, milliseconds),
      cancel: async (id) => ['cancelled', 'cancelling'].includes(await queue.jobs.cancel(id)),
      list: () => queue.jobs.list({ limit: 100 }),
      counts: () => queue.counts(),
    },
    catalog,
  };
}
