import { type Settings, ViewmillError } from '@viewmill/contracts';
import type { Logger } from '@viewmill/observability';
import pg from 'pg';

export interface Databases {
  /** The FHIR database: only read. */
  readonly source: pg.Pool;
  /** Where schema sqlonfhir is: often the same pool. */
  readonly target: pg.Pool;
  readonly close: () => Promise<void>;
}

/**
 * @throws ViewmillError VM3005 without DATABASE_URL.
 */
export function openDatabases(settings: Settings, log: Logger): Databases {
  if (settings.DATABASE_URL === undefined) throw new ViewmillError('VM3005', 'DATABASE_URL is needed', { at: 'DATABASE_URL' });
  // A query holds one connection, a refresh up to four (reading, writing, lock, catalog); two are for the catalog.
  const queries = settings.WORKER_CONCURRENCY + settings.HEAVY_CONCURRENCY + settings.EXPORT_CONCURRENCY;
  const max = queries + settings.REFRESH_CONCURRENCY * 4 + 2;
  const open = (connectionString: string): pg.Pool => {
    const pool = new pg.Pool({ connectionString, max, application_name: 'viewmill-worker' });
    pool.on('error', (error) => log.warn({ code: (error as { code?: string }).code }, 'database connection lost'));
    return pool;
  };
  const source = open(settings.DATABASE_URL);
  const elsewhere = settings.CATALOG_DATABASE_URL !== undefined && settings.CATALOG_DATABASE_URL !== settings.DATABASE_URL;
  const target = elsewhere ? open(settings.CATALOG_DATABASE_URL ?? '') : source;
  return {
    source,
    target,
    close: async () => {
      await source.end();
      if (target !== source) await target.end();
    },
  };
}
