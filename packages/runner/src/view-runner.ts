import type { Queryable, Served } from '@viewmill/catalog';
import type { ColumnInfo, Freshness, QueryMeta, RowFormat, Search } from '@viewmill/contracts';
import type { ViewPlan } from '@viewmill/views';
import type { Sql } from 'sql-template-tag';
import type { ReplicaStats } from './reader.ts';

/** A compiled view; `name` is null for an inline one, which is never materialized. */
export interface RunnableView {
  readonly name: string | null;
  readonly plan: ViewPlan;
}

/** What a runner knows of an answer; the queue's time is added by who took the job. */
export type RunMeta = Omit<QueryMeta, 'queue_ms'>;

export interface RowsAnswer {
  /** Text of a JSON array of row objects, as PostgreSQL wrote it. */
  readonly rowsJson: string;
  readonly columns: readonly string[];
  /** Cursor of the next page; null on the last one. */
  readonly next: string | null;
  readonly meta: RunMeta;
}

export interface CountAnswer {
  readonly count: number;
  readonly meta: RunMeta;
}

export interface StreamOptions extends CallOptions {
  readonly format: RowFormat;
  /** Takes a chunk of rows as text of the format; more is read when it has done so. CSV begins with the names of the columns. */
  readonly write: (head: StreamHead, text: string) => Promise<void>;
}

/** What is known of streamed rows before the first of them; the queue's time is added by who took the job. */
export interface StreamHead {
  readonly columns: readonly string[];
  readonly meta: Pick<RunMeta, 'runner' | 'reason' | 'as_of' | 'is_stale'>;
}

export type StreamAnswer = Omit<RowsAnswer, 'rowsJson'>;

export interface CallOptions {
  /** Milliseconds since 1970 after which nobody waits for the answer; becomes the statement's time-out. */
  readonly deadline?: number | undefined;
  /** Default `any`. */
  readonly freshness?: Freshness | undefined;
  /** Aborted when nobody waits any more; PostgreSQL is told to stop, and VM3006 thrown. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs views. Errors of `execute` and `executeCount`: VM2009 for a search the view cannot answer, VM2001 for a foreign cursor,
 * VM2006 where only a materialized view would do, VM3007 beyond the deadline, VM3002 without a database, VM1201 to VM1203 from the view.
 */
export interface ViewRunner {
  /** @param limit rows at most; the smallest of it, the search's own limit and MAX_ROWS counts. */
  execute(view: RunnableView, search: Search, limit?: number, options?: CallOptions): Promise<RowsAnswer>;
  /**
   * As `execute`, but passes the rows on while they are read, holding one chunk at most. JSON has MAX_ROWS at most, as a page; lines have as many
   * as the search says, or all. An error after the first chunk means that the rows are not all there: VM3030 unless it is the view's own.
   */
  stream(view: RunnableView, search: Search, options: StreamOptions): Promise<StreamAnswer>;
  /** How many rows match; sort, limit and cursor of the search do not matter. */
  executeCount(view: RunnableView, search: Search, options?: CallOptions): Promise<CountAnswer>;
  getSchema(view: RunnableView): readonly ColumnInfo[];
  stats(): RunnerStats;
  /** A view was refreshed, replaced or dropped (no name: any): forget what is remembered of it. */
  invalidate(view?: string): void;
}

export interface RunnerStats {
  readonly runner_type: RunnerKind;
  readonly total_queries: number;
  readonly materialized_queries: number;
  /** Queries of the hybrid runner that PostgreSQL had to compute from the resources. */
  readonly postgres_fallbacks: number;
  /** How often it was known without asking whether a view is materialized. */
  readonly cache_hits: number;
  readonly avg_execution_time_ms: number;
  /** In the order they were given; absent without replicas. */
  readonly replicas?: readonly ReplicaStats[];
}

export type RunnerKind = 'hybrid' | 'postgres' | 'materialized' | 'memory';

/** A generation that serves a view. */
export interface MaterializedView {
  /** Its table: `res_id`, `ordinal`, then the plan's columns. */
  readonly relation: Sql;
  readonly planHash: string;
  /** ISO instant. */
  readonly asOf: string;
  readonly isStale: boolean;
  readonly generation: number;
  /** Counts what was published; without it, no replica can answer. */
  readonly revision?: number;
  /** `asOf` on the monotonic clock of this process; without it, it is not known how old the rows are. */
  readonly asOfTick?: number;
}

/** Where runners ask for generations; the catalog fits. */
export interface MaterializedLookup {
  current(view: string): Promise<MaterializedView | null>;
}

/** What exact reads need of the catalog: without it they are computed from the resources alone. */
export interface ServedLookup {
  readonly schema: string;
  /** As the client's transaction sees it. */
  served(client: Queryable, view: string): Promise<Served | null>;
}
