import { z } from 'zod';
import type { RefreshedBy, StoredDefinition } from './view-status.ts';

/** Names of the queues. The prefix of their keys is the setting QUEUE_PREFIX. */
export const QUEUE_NAMES = { query: 'queries', refresh: 'refreshes' } as const;

/** Lanes of queries: each is a queue with workers' capacity of its own, so that long scans do not hold up look-ups. */
export const LANES = ['interactive', 'heavy', 'exports'] as const;
export type Lane = (typeof LANES)[number];

/** How streamed rows are written. `json`: row objects, to be joined by commas. */
export const ROW_FORMATS = ['json', 'ndjson', 'csv'] as const;
export type RowFormat = (typeof ROW_FORMATS)[number];

/** Operators of a search condition; values are compared in the column's SQL type. */
export const conditionSchema = z.object({
  /** A column of the view, or `patient`, `_id`, `_lastUpdated`. */
  field: z.string(),
  operator: z.enum(['eq', 'ne', 'gt', 'ge', 'lt', 'le', 'in']),
  values: z.array(z.string()).min(1),
});
export type Condition = z.output<typeof conditionSchema>;

/** What to take of a view. Conditions are all true at once. */
export const searchSchema = z.object({
  conditions: z.array(conditionSchema).default([]),
  sort: z.array(z.object({ field: z.string(), descending: z.boolean() })).default([]),
  /** Rows; null: as many as MAX_ROWS. */
  limit: z.number().int().min(0).nullable().default(null),
  /** The opaque `next` of the page before. */
  cursor: z.string().nullable().default(null),
});
export type Search = z.output<typeof searchSchema>;
export type SearchInput = z.input<typeof searchSchema>;

/**
 * How fresh an answer has to be. `any`: whatever is materialized. `exact`: what a full computation would give now.
 * `bounded`: at most so many seconds behind.
 */
export const freshnessSchema = z.union([z.literal('any'), z.literal('exact'), z.object({ bounded: z.number().min(0) })]);
export type Freshness = z.output<typeof freshnessSchema>;

/** A ViewDefinition by name or inline. */
export const viewRefSchema = z.union([
  z.object({ name: z.string() }),
  z.object({ definition: z.record(z.string(), z.unknown()) }),
]);
export type ViewRef = z.output<typeof viewRefSchema>;

export const queryJobSchema = z.object({
  /**
   * `rows`, `count`, `schema`: ask a view. `define`: validate the inline definition and store it; `undefine`: remove a stored one.
   * (Only workers compile, so storing a definition is their work too.)
   */
  kind: z.enum(['rows', 'count', 'schema', 'define', 'undefine']),
  view: viewRefSchema,
  search: searchSchema,
  freshness: freshnessSchema.optional(),
  /** For `define`: whether the name must be new or must exist. */
  mode: z.enum(['create', 'update']).optional(),
  /** For `rows`: the answer is sent in chunks of this format, as fast as its reader takes them. */
  stream: z.enum(ROW_FORMATS).optional(),
  /** Milliseconds since 1970 at which the caller stops waiting; a worker drops the query after it. */
  deadline: z.number(),
  requestId: z.string().optional(),
});
export type QueryJob = z.output<typeof queryJobSchema>;

export interface ColumnInfo {
  readonly name: string;
  readonly type: string;
  readonly sqlType: string;
  readonly description: string | null;
  readonly collection: boolean;
}

export interface QueryMeta {
  /** Which runner gave the rows. */
  readonly runner: 'materialized' | 'postgres' | 'memory';
  /** Why this one: for people. */
  readonly reason: string;
  /** ISO instant up to which every committed change of the source is in the rows. */
  readonly as_of: string | null;
  readonly is_stale: boolean;
  readonly rows: number;
  /** Milliseconds from being enqueued to being taken by a worker. */
  readonly queue_ms: number;
  /** Milliseconds in PostgreSQL; of the runner `memory`: of reading and computing. */
  readonly database_ms: number;
}

/** What is known of streamed rows before the first of them. */
export interface StreamHead {
  readonly columns: readonly string[];
  readonly meta: Pick<QueryMeta, 'runner' | 'reason' | 'as_of' | 'is_stale' | 'queue_ms'>;
}

/** What is known of them after the last. */
export interface StreamEnd {
  readonly next: string | null;
  readonly meta: QueryMeta;
}

/** Result of a query job. `rowsJson` is the text of a JSON array of row objects as PostgreSQL wrote it: nobody parses it on the way. */
export type QueryResult =
  | {
      readonly kind: 'rows';
      readonly meta: QueryMeta;
      readonly rowsJson: string;
      readonly columns: readonly string[];
      readonly next: string | null;
    }
  | ({ readonly kind: 'streamed'; readonly columns: readonly string[] } & StreamEnd)
  | { readonly kind: 'count'; readonly meta: QueryMeta; readonly count: number }
  | { readonly kind: 'schema'; readonly columns: readonly ColumnInfo[] }
  | { readonly kind: 'define'; readonly definition: StoredDefinition }
  | { readonly kind: 'undefine'; readonly name: string };

/**
 * How a view is refreshed. `auto`: by what live capture noted, else by comparing keys, else (where too much changed, or the
 * definition) in full. `delta`: the same without live capture. `full`: every resource is read.
 */
export const refreshModeSchema = z.enum(['auto', 'delta', 'full']);
export type RefreshMode = z.output<typeof refreshModeSchema>;

/** Jobs of the queue `refreshes`, by job name. */
export const refreshJobSchemas = {
  /** Builds the view's generation; creates the view if it is not materialized yet. */
  refresh: z.object({
    view: z.string(),
    reason: z.enum(['request', 'schedule', 'create', 'change']),
    /** How; default `auto`. */
    mode: refreshModeSchema.optional(),
  }),
  /** Enqueues a refresh for every materialized view that is stale (or, for `all`, for every one; `create`: for every definition). */
  sweep: z.object({
    scope: z.enum(['stale', 'all', 'create']),
    reason: z.enum(['request', 'schedule', 'create']),
    mode: refreshModeSchema.optional(),
  }),
  /** Refreshes several views at one state of the source and shows them in one transaction. Null: every materialized one. */
  'refresh-set': z.object({
    views: z.array(z.string()).min(1).nullable(),
    reason: z.enum(['request', 'schedule']),
    mode: refreshModeSchema.optional(),
  }),
  /** Builds one range of a view's sharded build: a child of the view's refresh. */
  shard: z.object({ view: z.string(), generation: z.object({ id: z.number(), relation: z.string() }), shard: z.number().int() }),
  drop: z.object({ view: z.string() }),
} as const;
export type RefreshJobName = keyof typeof refreshJobSchemas;
export type RefreshJobData<N extends RefreshJobName> = z.output<(typeof refreshJobSchemas)[N]>;

export interface RefreshResult {
  readonly view: string;
  readonly mode: RefreshedBy;
  /** Why that way: for people. */
  readonly why: string;
  readonly generation: number;
  /** Resources whose rows were made anew or taken away; for a full build all. */
  readonly changed: number;
  /** Rows and resources of the whole view. */
  readonly rows: number;
  readonly resources: number;
  readonly quarantined: number;
  readonly seconds: number;
  readonly as_of: string;
  /** Set when another refresh of the view was running: this one waited for it (`waited`). */
  readonly joined: 'no' | 'waited';
}

export interface JobResults {
  readonly refresh: RefreshResult;
  readonly sweep: { readonly enqueued: readonly { readonly view: string; readonly job: string }[] };
  readonly 'refresh-set': { readonly as_of: string | null; readonly refreshed: readonly RefreshResult[] };
  /** False: it was built before. */
  readonly shard: { readonly view: string; readonly shard: number; readonly built: boolean };
  readonly drop: { readonly view: string; readonly dropped: boolean };
}

export interface RefreshProgress {
  readonly phase: 'waiting' | 'comparing' | 'reading' | 'indexing' | 'publishing' | 'done';
  readonly resources: number;
  readonly rows: number;
}
