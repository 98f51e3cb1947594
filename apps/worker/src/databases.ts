import { type Settings, ViewmillError } from '@viewmill/contracts';
import type { Logger } from '@viewmill/observability';
import { replicaObstacle } from '@viewmill/runner';
import pg from 'pg';
import { fewestConnections, refreshConnections, wantedConnections } from './pool-sizes.ts';

export interface Databases {
  /** The FHIR database: only read. */
  readonly source: pg.Pool;
  /** Where schema sqlonfhir is: often the same pool. */
  readonly target: pg.Pool;
  /** The same two for queries, whose statements are sent without waiting for the one before. */
  readonly queries: { readonly source: pg.Pool; readonly target: pg.Pool };
  /** Standbys of `target`. */
  readonly replicas: readonly pg.Pool[];
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
  const urls = settings.VIEWDEF_RUNNER === 'memory' ? [] : (settings.DATABASE_READ_URLS ?? '').split(',');
  const queryConnections = max - refreshConnections(settings);
  const replicas = urls
    .map((url) => url.trim())
    .filter((url) => url !== '')
    // The primary can answer instead of one that does not.
    .map((connectionString) => open({ connectionString, connectionTimeoutMillis: 2000, max: queryConnections, pipeline: true }));
  return {
    source,
    target,
    queries: openBoth({ max: queryConnections, pipeline: true }),
    replicas,
    close: async () => {
      await Promise.all(pools.map((pool) => pool.end()));
    },
  };
}

/**
 * A replica that cannot be reached is no error: it is used, and checked, once it can be.
 * @throws ViewmillError VM3005 if a URL leads to something else than a standby of the database with the views.
 */
export async function checkReplicas({ target, replicas }: Pick<Databases, 'target' | 'replicas'>, log: Logger): Promise<void> {
  for (const [index, pool] of replicas.entries()) {
    const replica = index + 1;
    let obstacle: string | null;
    try {
      obstacle = await replicaObstacle(target, pool);
    } catch (error) {
      log.warn({ replica, code: (error as { code?: string }).code }, 'replica cannot be reached yet');
      continue;
    }
    if (obstacle !== null) {
      throw new ViewmillError('VM3005', `DATABASE_READ_URLS: number ${replica} ${obstacle}`, { at: 'DATABASE_READ_URLS' });
    }
    log.info({ replica }, 'replica in use');
  }
}
