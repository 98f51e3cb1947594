import type { Settings } from '@viewmill/contracts';
import type { Logger } from '@viewmill/observability';
import type { Pool } from 'pg';
import type { Databases } from './databases.ts';

/**
 * Connections for refreshes: each holds up to four (reading, writing, lock, catalog), and below that they could wait for each other's
 * forever; three are for the catalog and its listener.
 */
export function refreshConnections({ REFRESH_CONCURRENCY }: Settings): number {
  return REFRESH_CONCURRENCY * 4 + 3;
}

/** Connections that a worker would use at most: a query holds one, another is for cancelling. */
export function wantedConnections(settings: Settings): number {
  const { WORKER_CONCURRENCY, HEAVY_CONCURRENCY, EXPORT_CONCURRENCY } = settings;
  return refreshConnections(settings) + WORKER_CONCURRENCY + HEAVY_CONCURRENCY + EXPORT_CONCURRENCY + 1;
}

/** Two for queries: one that runs, one that cancels it. */
export function fewestConnections(settings: Settings): number {
  return refreshConnections(settings) + 2;
}

/**
 * Sizes the pools of queries by what the servers allow, asked once: DATABASE_POOL_SHARE of the connections that ordinary roles can have, all
 * pools of one server together, and no more than the worker uses. DATABASE_POOL_MAX, if set, is taken as it is. Queries beyond wait
 * for a connection.
 * @throws errors of pg if a server cannot be reached.
 */
export async function sizePools({ source, target, queries }: Databases, settings: Settings, log: Logger): Promise<void> {
  if (settings.DATABASE_POOL_MAX !== undefined) return;
  const servers = await Promise.all([...new Set([source, target])].map(askServer));
  const pools = [...new Set([queries.source, queries.target])];
  for (const [index, pool] of pools.entries()) {
    const { id, usable } = servers[index] ?? { id: '', usable: 0 };
    const sharing = servers.filter((server) => server.id === id).length;
    const allowed = Math.floor((usable * settings.DATABASE_POOL_SHARE) / sharing);
    const max = Math.max(Math.min(wantedConnections(settings), allowed), fewestConnections(settings));
    // pg compares with this whenever it opens a connection; few are open yet.
    pool.options.max = max - refreshConnections(settings);
    if (max > allowed || max < wantedConnections(settings)) {
      log.warn(
        { max, allowed, wanted: wantedConnections(settings) },
        'the database allows fewer connections than the worker could use',
      );
    }
  }
}

/** The server's start, to the microsecond, and its port tell it from others. `reserved_connections` is there from PostgreSQL 16 on. */
async function askServer(pool: Pool): Promise<{ readonly id: string; readonly usable: number }> {
  const { rows } = await pool.query<{ id: string; usable: number }>(
    `select current_setting('port') || ' ' || extract(epoch from pg_postmaster_start_time()) as id,
      current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
        - coalesce(current_setting('reserved_connections', true)::int, 0) as usable`,
  );
  return rows[0] ?? { id: '', usable: 0 };
}
