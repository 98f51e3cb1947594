import type { QueryDeltas } from '@viewmill/catalog';
import type { QueryMeta } from '@viewmill/contracts';
import type { RunnerStats } from '@viewmill/runner';

export interface Statistics {
  readonly count: (view: string | null, meta: Omit<QueryMeta, 'queue_ms'>) => void;
  /** Writes what is left and stops. */
  readonly close: () => Promise<void>;
}

const FLUSH_MS = 1_000;

/** Counts in memory and writes once a second: a query must not pay for being counted. */
export function createStatistics(
  runnerStats: () => RunnerStats,
  write: (deltas: QueryDeltas) => Promise<void>,
  onError: (error: Error) => void,
): Statistics {
  let views: Record<string, number> = {};
  let executionMs = 0;
  let before = runnerStats();
  let writing: Promise<void> = Promise.resolve();

  async function flush(): Promise<void> {
    const now = runnerStats();
    if (now.total_queries === before.total_queries) return;
    const deltas: QueryDeltas = {
      views,
      totalQueries: now.total_queries - before.total_queries,
      materializedQueries: now.materialized_queries - before.materialized_queries,
      postgresFallbacks: now.postgres_fallbacks - before.postgres_fallbacks,
      cacheHits: now.cache_hits - before.cache_hits,
      executionMs,
    };
    views = {};
    executionMs = 0;
    before = now;
    // A count that could not be written is lost: statistics are no reason to keep growing in memory.
    await write(deltas).catch(onError);
  }

  const timer = setInterval(() => {
    writing = writing.then(flush);
  }, FLUSH_MS);
  return {
    count: (view, meta) => {
      if (view !== null) views[view] = (views[view] ?? 0) + 1;
      executionMs += meta.database_ms;
    },
    close: async () => {
      clearInterval(timer);
      await writing;
      await flush();
    },
  };
}
