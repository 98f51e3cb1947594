import sql from 'sql-template-tag';
import { type CatalogPlace, onlyRow } from './queryable.ts';
import { table } from './tables.ts';

/** What a worker's runner did since it last told. */
export interface QueryDeltas {
  /** Queries by name of the materialized view that answered them. */
  readonly views: Readonly<Record<string, number>>;
  readonly totalQueries: number;
  readonly materializedQueries: number;
  readonly postgresFallbacks: number;
  readonly cacheHits: number;
  /** Sum over the queries, milliseconds. */
  readonly executionMs: number;
}

/** What the runners of all workers did, as the API shows it. */
export interface RunnerStatistics {
  readonly total_queries: number;
  readonly materialized_queries: number;
  readonly postgres_fallbacks: number;
  readonly cache_hits: number;
  readonly avg_execution_time_ms: number;
}

export interface Statistics {
  /** Adds to the counters; call it now and then, not for every query. */
  recordQueries(deltas: QueryDeltas): Promise<void>;
  runnerStats(): Promise<RunnerStatistics>;
}

export function statistics({ pool, schema }: CatalogPlace): Statistics {
  const statisticsTable = table(schema, '_runner_statistics');
  return {
    async recordQueries({ views, ...deltas }) {
      const names = Object.keys(views).sort();
      // One statement, rows locked in the order of their names: workers that tell at once cannot deadlock.
      await pool.query(sql`
        with d as (select * from unnest(${names}::text[], ${names.map((name) => views[name])}::bigint[]) as d (name, queries)),
          locked as (select v.name, d.queries from ${table(schema, '_view')} v join d on d.name = v.name order by v.name for no key update of v),
          counted as (update ${table(schema, '_view')} v set query_count = v.query_count + l.queries from locked l where v.name = l.name)
        update ${statisticsTable} set total_queries = total_queries + ${deltas.totalQueries}::bigint,
          materialized_queries = materialized_queries + ${deltas.materializedQueries}::bigint,
          postgres_fallbacks = postgres_fallbacks + ${deltas.postgresFallbacks}::bigint,
          cache_hits = cache_hits + ${deltas.cacheHits}::bigint, execution_ms = execution_ms + ${deltas.executionMs}::float8`);
    },

    async runnerStats() {
      return onlyRow(
        await pool.query<RunnerStatistics>(sql`
          select total_queries::float8 as total_queries, materialized_queries::float8 as materialized_queries,
            postgres_fallbacks::float8 as postgres_fallbacks, cache_hits::float8 as cache_hits,
            coalesce(round((execution_ms / nullif(total_queries, 0))::numeric, 3), 0)::float8 as avg_execution_time_ms
          from ${statisticsTable}`),
      );
    },
  };
}
