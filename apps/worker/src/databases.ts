import { type Settings, ViewmillError } from '@viewmill/contracts';
import type { Logger } from '@viewmill/observability';
import pg from 'pg';
import { fewestConnections, wantedConnections } from './pool-sizes.ts';

export interface Databases {
  /** The FHIR database: only read. */
  readonly source: pg.Pool;
  /** Where schema sqlonfhir is: often the same pool. */
  readonly target: pg.Pool;
  readonly close: () => Promise<void>;
}

/**
 * The runner `memory` has no FHIR database: both are the catalog's then.
 * @throws ViewmillError VM3005 without DATABASE_URL (or, for that runner, CATALOG_DATABASE_URL), or if DATABASE_POOL_MAX is too small.
 */
export function openDatabases(settings: Settings, log: Logger): Databases {
  const alone = settings.VIEWDEF_RUNNER === 'memory' ? settings.CATALOG_DATABASE_URL : undefined;
  const fhirUrl = alone ?? settings.DATABASE_URL;
  if (fhirUrl === undefined) throw new ViewmillError('VM3005', 'DATABASE_URL is needed', { at: 'DATABASE_URL' });
  // Until `sizePools` has asked the servers.
  const max = settings.DATABASE_POOL_MAX ?? wantedConnections(settings);
  if (max < fewestConnections(settings)) {
    throw new ViewmillError('VM3005', `DATABASE_POOL_MAX: at least ${fewestConnections(settings)} for these refreshes`, {
      at: 'DATABASE_POOL_MAX',
    });
  }
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
