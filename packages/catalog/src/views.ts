import { ident, ViewmillError, type ViewStatus } from '@viewmill/contracts';
import type { QueryConfig } from 'pg';
import sql, { type Sql } from 'sql-template-tag';
import { announce } from './changes.ts';
import type { CatalogPlace } from './queryable.ts';
import { table } from './tables.ts';
import { IS_LOCKED } from './view-lock.ts';

/** The generation that serves a view. */
export interface CurrentGeneration {
  /**
   * Its table, quoted: `res_id`, `ordinal`, then the plan's columns. It is dropped soon after the next generation was published:
   * a statement that finds it gone (SQLSTATE 42P01) asks `current` again.
   */
  readonly relation: Sql;
  /** Of the plan it was built from; if it differs from the view's plan now, the rows are those of an older definition. */
  readonly planHash: string;
  /** ISO instant. */
  readonly asOf: string;
  readonly isStale: boolean;
  readonly generation: number;
  /** Counts the refreshes that were published. */
  readonly revision: number;
  /** `asOf` on this process's monotonic clock (`performance.now()`), whatever its calendar clock shows. */
  readonly asOfTick: number;
}

export interface Schedule {
  readonly auto_refresh_enabled?: boolean | undefined;
  /** Hours, more than 0. */
  readonly refresh_interval_hours?: number | undefined;
}

export interface Views {
  /** Materialized views by name, also those whose first build runs or has failed. */
  listViews(): Promise<readonly ViewStatus[]>;
  /** @throws ViewmillError VM2006 */
  viewStatus(name: string): Promise<ViewStatus>;
  /** What answers queries of the view; null if it is not materialized. One select by primary key. */
  current(name: string): Promise<CurrentGeneration | null>;
  /** @throws ViewmillError VM2006, VM2001 (interval not positive) */
  setSchedule(name: string, schedule: Schedule): Promise<ViewStatus>;
  /** Names of views that should be refreshed: stale, or their last refresh failed. */
  staleViews(): Promise<readonly string[]>;
}

/**
 * Whether the rows of `v` are old: never built, as_of further back than the interval, or the definition `d` changed after the build began.
 * A failed refresh alone makes no rows old.
 */
export const IS_STALE = sql`(v.as_of is null or v.as_of < now() - make_interval(secs => v.refresh_interval_hours * 3600)
  or coalesce(d.updated_at > v.built_from, false))`;

interface StatusRow extends Omit<ViewStatus, 'as_of' | 'last_refreshed_at'> {
  readonly as_of: Date | null;
  readonly last_refreshed_at: Date | null;
}

export function views({ pool, schema }: CatalogPlace): Views {
  const viewTable = table(schema, '_view');
  const from = sql`${viewTable} v left join ${table(schema, '_definition')} d on d.name = v.name`;
  // Bigints as float8: exact up to 2^53, and numbers in JSON.
  const select = sql`
    select v.name, v.resource,
      case when r.id is not null and (${IS_LOCKED} or exists (select from ${table(schema, '_sharded')} s where s.refresh = r.id)) then 'refreshing' when v.last_error is not null then 'failed'
        when ${IS_STALE} then 'stale' else 'active' end as status,
      ${IS_STALE} as is_stale,
      case when v.as_of is not null then round((greatest(extract(epoch from now() - v.as_of), 0) / 3600)::numeric, 3)::float8 end as staleness_hours,
      v.last_refreshed_at, v.as_of, v.generation::float8 as generation, v.revision::float8 as revision, v.row_count::float8 as row_count, v.size_bytes::float8 as size_bytes,
      v.auto_refresh_enabled, v.refresh_interval_hours, v.query_count::float8 as query_count, v.quarantined, v.last_error, v.indexes
    from ${from} left join ${table(schema, '_refresh')} r on r.view = v.name and r.outcome = 'running'`;

  async function find(name: string): Promise<ViewStatus> {
    const { rows } = await pool.query<StatusRow>(sql`${select} where v.name = ${name}`);
    if (rows[0] === undefined) throw notMaterialized(name);
    return toStatus(rows[0]);
  }

  const currentQuery = sql`
    select v.relation, v.plan_hash, v.as_of, ${IS_STALE} as is_stale, v.generation::float8 as generation, v.revision::float8 as revision,
      extract(epoch from clock_timestamp() - v.as_of)::float8 * 1000 as age_ms
    from ${from} where v.name = ${''} and v.generation is not null`;

  return {
    async listViews() {
      const { rows } = await pool.query<StatusRow>(sql`${select} order by v.name`);
      return rows.map(toStatus);
    },
    viewStatus: find,
    async current(name) {
      // Named: prepared once per connection, as it runs before every query.
      const query: QueryConfig = { name: `viewmill current ${schema}`.slice(0, 63), text: currentQuery.text, values: [name] };
      const { rows } = await pool.query<{
        relation: string;
        plan_hash: string;
        as_of: Date;
        is_stale: boolean;
        generation: number;
        revision: number;
        age_ms: number;
      }>(query);
      const row = rows[0];
      if (row === undefined) return null;
      return {
        relation: ident(schema, row.relation),
        planHash: row.plan_hash,
        asOf: row.as_of.toISOString(),
        isStale: row.is_stale,
        generation: row.generation,
        revision: row.revision,
        asOfTick: performance.now() - row.age_ms,
      };
    },
    async setSchedule(name, { auto_refresh_enabled = null, refresh_interval_hours = null }) {
      if (refresh_interval_hours !== null && !(refresh_interval_hours > 0 && Number.isFinite(refresh_interval_hours))) {
        throw new ViewmillError('VM2001', 'refresh_interval_hours must be more than 0', { at: 'refresh_interval_hours' });
      }
      const { rowCount } = await pool.query(sql`
        update ${viewTable} set auto_refresh_enabled = coalesce(${auto_refresh_enabled}::boolean, auto_refresh_enabled),
          refresh_interval_hours = coalesce(${refresh_interval_hours}::float8, refresh_interval_hours)
        where name = ${name}`);
      if (rowCount === 0) throw notMaterialized(name);
      await announce(pool, schema, name);
      return find(name);
    },
    async staleViews() {
      const { rows } = await pool.query<{ name: string }>(
        sql`select v.name from ${from} where ${IS_STALE} or v.last_error is not null order by v.name`,
      );
      return rows.map(({ name }) => name);
    },
  };
}

export function notMaterialized(name: string): ViewmillError {
  return new ViewmillError('VM2006', `${name} is not materialized`, { at: name });
}

function toStatus({ as_of, last_refreshed_at, ...row }: StatusRow): ViewStatus {
  return { ...row, as_of: as_of?.toISOString() ?? null, last_refreshed_at: last_refreshed_at?.toISOString() ?? null };
}
