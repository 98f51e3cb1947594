import { type Settings, ViewmillError } from '@viewmill/contracts';
import type { Logger } from '@viewmill/observability';
import pg from 'pg';

export interface Databases {
  /** The FHIR database: only read. */
  readonly source: pg.Pool;
  /** Where schema sqlonfhir is: often the same pool. */
  readonly target: pg.Pool;
  /** The same two for queries, whose statements are sent without waiting for the one before. */
  readonly queries: { readonly source: pg.Pool; readonly target: pg.Pool };
  readonly close: () => Promise<void>;
}

/**
 * @throws ViewmillError VM3005 without DATABASE_URL.
 */
export function openDatabases(settings: Settings, log: Logger): Databases {
  if (settings.DATABASE_URL === undefined) throw new ViewmillError('VM3005', 'DATABASE_URL is needed', { at: 'DATABASE_URL' });
  // A refresh holds up to four connections (reading, writing, lock, catalog); two are for the catalog.
  const max = settings.REFRESH_CONCURRENCY * 4 + 2;
  // A query holds one; one is for cancelling.
  const maxQueries = settings.WORKER_CONCURRENCY + settings.HEAVY_CONCURRENCY + settings.EXPORT_CONCURRENCY + 1;
  const pools: pg.Pool[] = [];
  const open = (options: pg.PoolConfig & { readonly pipeline?: boolean }): pg.Pool => {
    const pool = new pg.Pool({ application_name: 'viewmill-worker', ...options });
    pool.on('error', (error) => log.warn({ code: (error as { code?: string }).code }, 'database connection lost'));
    pools.push(pool);
    return pool;
  };
  const openBoth = (more: Parameters<typeof open>[0]) => {
    const source = open({ connectionString: settings.DATABASE_URL, ...more });
    const { CATALOG_DATABASE_URL: catalogUrl } = settings;
    const elsewhere = catalogUrl !== undefined && catalogUrl !== settings.DATABASE_URL;
    return { source, target: elsewhere ? open({ connectionString: catalogUrl, ...more }) : source };
  };
  const { source, target } = openBoth({ max });
  return {
    source,
    target,
    queries: openBoth({ max: maxQueries, pipeline: true }),
    close: async () => {
      await Promise.all(pools.map((pool) => pool.end()));
    },
  };
}
