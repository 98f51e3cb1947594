import { type Freshness, ViewmillError } from '@viewmill/contracts';
import { type HapiLayout, isSameDatabase } from '@viewmill/fhir-source';
import type { Pool } from 'pg';
import { describeColumns } from './columns.ts';
import { exactEngine } from './exact-engine.ts';
import { rememberGenerations } from './generations.ts';
import { materializedEngine } from './materialized-engine.ts';
import { postgresEngine } from './postgres-engine.ts';
import { createReplicas } from './reader.ts';
import {
  type Answered,
  askCount,
  askRows,
  type Engine,
  type EngineMeta,
  type Question,
  rowsAnswer,
  streamAnswer,
} from './run.ts';
import { translate } from './session.ts';
import type { MaterializedLookup, MaterializedView, RunnerKind, ServedLookup, ViewRunner } from './view-runner.ts';

export interface RunnerOptions {
  /** The runner `memory` needs none of this: `createMemoryRunner`. */
  readonly kind: Exclude<RunnerKind, 'memory'>;
  /** The FHIR database. */
  readonly source: Pool;
  /** Where generations are kept; may be the same pool. */
  readonly target: Pool;
  readonly layout: HapiLayout;
  readonly catalog: MaterializedLookup & Partial<ServedLookup>;
  /** Streaming replicas of `target`: they answer where they prove to be far enough. */
  readonly replicas?: readonly Pool[];
  /** How long a replica that fails or lags is left out, default 2 s. */
  readonly probeMs?: number;
  /** Rows of one answer at most, default 100 000. */
  readonly maxRows?: number;
  /** How long it is remembered without news whether a view is materialized, default 5 s. */
  readonly rememberMs?: number;
}

/** Hybrid: the generation if there is a usable one that can answer, else the resources. */
export function createRunner({
  kind,
  source,
  target,
  layout,
  catalog,
  replicas: pools = [],
  probeMs = 2000,
  maxRows = 100_000,
  rememberMs = 5000,
}: RunnerOptions): ViewRunner {
  const generations = rememberGenerations(catalog, rememberMs);
  const replicas = createReplicas(pools, probeMs);
  // Replicas of the views' database hold HAPI's tables only where both are one.
  const tables = (source === target ? replicas : createReplicas([], probeMs)).reader(source);
  const materialized = materializedEngine(replicas.reader(target), catalog.schema, layout, generations, () =>
    isSameDatabase(source, target),
  );
  const postgres = postgresEngine(tables, layout);
  const exact = isServedLookup(catalog) ? exactEngine(tables, layout, catalog, postgres) : null;
  const totals = { queries: 0, materialized: 0, fallbacks: 0, milliseconds: 0 };

  async function choose<T>(question: Question, ask: Ask<T>): Promise<Answered<T>> {
    if (kind === 'postgres') return ask(postgres, question);
    if (kind === 'materialized' && question.freshness === 'any') return ask(materialized, question);
    let obstacle = await materialized.find(question);
    if (!(obstacle instanceof ViewmillError) && !isFreshEnough(obstacle, question.freshness)) {
      const answered = await askExactly(question, ask);
      if (!(answered instanceof ViewmillError)) return answered;
      obstacle = answered;
    }
    if (kind === 'materialized') throw obstacle;
    if (!(obstacle instanceof ViewmillError)) {
      try {
        return await ask(materialized, { ...question, found: obstacle });
      } catch (error) {
        // Dropped since it was looked up; the resources are still there.
        if (!(error instanceof ViewmillError) || error.code !== 'VM2006') throw error;
        obstacle = error;
      }
    }
    totals.fallbacks += 1;
    const { answer, meta } = await ask(postgres, question);
    return { answer, meta: { ...meta, reason: `${meta.reason}: ${obstacle.message}` } };
  }

  /** The rows of the generation, brought up to date within the statement; or why that cannot be done. */
  async function askExactly<T>(question: Question, ask: Ask<T>): Promise<Answered<T> | ViewmillError> {
    const apart = new ViewmillError('VM2006', 'an exact answer needs the views beside the FHIR tables, in one database');
    if (exact === null || !(await isSameDatabase(source, target).catch(failed))) return apart;
    try {
      return await ask(exact, question);
    } catch (error) {
      if (error instanceof ViewmillError && error.code === 'VM2006') return error;
      throw error;
    }
  }

  async function timed<T>(question: Question, ask: Ask<T>): Promise<[Answered<T>, number]> {
    const started = performance.now();
    const answered = await choose(question, ask);
    const milliseconds = round(performance.now() - started);
    totals.queries += 1;
    totals.milliseconds += milliseconds;
    if (answered.meta.runner === 'materialized') totals.materialized += 1;
    return [answered, milliseconds];
  }

  return {
    async execute(view, search, limit, options = {}) {
      const question = askRows(view, search, maxRows, limit, options);
      const [answered, milliseconds] = await timed(question, (engine, asked) => engine.page(asked));
      return rowsAnswer(question, answered, milliseconds);
    },
    async stream(view, search, { format, write, ...options }) {
      const isPage = format === 'json';
      const question = askRows(view, search, isPage ? maxRows : Number.MAX_SAFE_INTEGER, undefined, options);
      const limit = isPage || search.limit !== null ? question.limit : null;
      const columns = view.plan.columns.map(({ name }) => name);
      let reading = 0;
      const pass = async (meta: EngineMeta, text: string): Promise<void> => {
        const started = performance.now();
        await write({ columns, meta }, text);
        reading += performance.now() - started;
      };
      const [{ answer, meta }, milliseconds] = await timed(question, (engine, asked) =>
        engine.stream(asked, { format, limit, write: pass }),
      );
      return streamAnswer(question, { answer, meta }, round(milliseconds - reading));
    },
    async executeCount(view, search, options = {}) {
      const question = askCount(view, search, options);
      const [{ answer, meta }, milliseconds] = await timed(question, (engine, asked) => engine.count(asked));
      return { count: answer, meta: { ...meta, rows: 1, database_ms: milliseconds } };
    },
    getSchema: (view) => describeColumns(view.plan),
    stats: () => ({
      runner_type: kind,
      total_queries: totals.queries,
      materialized_queries: totals.materialized,
      postgres_fallbacks: totals.fallbacks,
      cache_hits: generations.hits,
      ...(pools.length === 0 ? {} : { replicas: replicas.stats() }),
      avg_execution_time_ms: totals.queries === 0 ? 0 : round(totals.milliseconds / totals.queries),
    }),
    invalidate: (view) => generations.invalidate(view),
  };
}

type Ask<T> = (engine: Omit<Engine, 'kind'>, question: Question) => Promise<Answered<T>>;

function failed(error: unknown): never {
  throw translate(error);
}

function isServedLookup(catalog: Partial<ServedLookup>): catalog is ServedLookup {
  return catalog.served !== undefined && catalog.schema !== undefined;
}

/** By the monotonic clock: whether the rows are as young as is asked for. */
function isFreshEnough({ asOfTick }: MaterializedView, freshness: Freshness): boolean {
  if (freshness === 'any') return true;
  if (freshness === 'exact' || asOfTick === undefined) return false;
  return performance.now() - asOfTick <= freshness.bounded * 1000;
}

/** Milliseconds to three places. */
function round(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000;
}
