import { type Settings, ViewmillError } from '@viewmill/contracts';
import type { Logger } from '@viewmill/observability';
import pg from 'pg';
import { fewestConnections, refreshConnections, wantedConnections } from './pool-sizes.ts';

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
  const pools: pg.Pool[] = [];
  const open = (options: pg.PoolConfig & { readonly pipeline?: boolean }): pg.Pool => {
    const pool = new pg.Pool({ application_name: 'viewmill-worker', ...options });
    pool.on('error', (error) => log.warn({ code: (error as { code?: string }).code }, 'database connection lost'));
    pools.push(pool);
    return pool;
  };
  const openBoth = (more: Parameters<typeof open>[0]) => {
    const source = open({ connectionString: fhirUrl, ...more });
    const { CATALOG_DATABASE_URL: catalogUrl } = settings;
    const elsewhere = catalogUrl !== undefined && catalogUrl !== fhirUrl;
    return { source, target: elsewhere ? open({ connectionString: catalogUrl, ...more }) : source };
  };
  const { source, target } = openBoth({ max: refreshConnections(settings) });
  return {
    source,
    target,
    queries: openBoth({ max: max - refreshConnections(settings), pipeline: true }),
    close: async () => {
      await Promise.all(pools.map((pool) => pool.end()));
    },
  };
}
