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
 * The runner `memory` has no FHIR database: both are the catalog's then.
 * @throws ViewmillError VM3005 without DATABASE_URL (or, for that runner, CATALOG_DATABASE_URL).
 */
export function openDatabases(settings: Settings, log: Logger): Databases {
  const alone = settings.VIEWDEF_RUNNER === 'memory' ? settings.CATALOG_DATABASE_URL : undefined;
  const fhirUrl = alone ?? settings.DATABASE_URL;
  if (fhirUrl === undefined) throw new ViewmillError('VM3005', 'DATABASE_URL is needed', { at: 'DATABASE_URL' });
  // A query holds one connection, a refresh up to four (reading, writing, lock, catalog); two are for the catalog.
  const max = settings.WORKER_CONCURRENCY + settings.REFRESH_CONCURRENCY * 4 + 2;
  const open = (connectionString: string): pg.Pool => {
    const pool = new pg.Pool({ connectionString, max, application_name: 'viewmill-worker' });
    pool.on('error', (error) => log.warn({ code: (error as { code?: string }).code }, 'database connection lost'));
    return pool;
  };
  const source = open(fhirUrl);
  const elsewhere = settings.CATALOG_DATABASE_URL !== undefined && settings.CATALOG_DATABASE_URL !== fhirUrl;
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
