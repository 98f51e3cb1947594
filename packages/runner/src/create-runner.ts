import { ViewmillError } from '@viewmill/contracts';
import type { HapiLayout } from '@viewmill/fhir-source';
import type { Pool } from 'pg';
import { describeColumns } from './columns.ts';
import { rememberGenerations } from './generations.ts';
import { materializedEngine } from './materialized-engine.ts';
import { postgresEngine } from './postgres-engine.ts';
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
import { compareDatabases } from './same-database.ts';
import type { MaterializedLookup, RunnerKind, ViewRunner } from './view-runner.ts';

export interface RunnerOptions {
  readonly kind: RunnerKind;
  /** The FHIR database. */
  readonly source: Pool;
  /** Where generations are kept; may be the same pool. */
  readonly target: Pool;
  readonly layout: HapiLayout;
  readonly catalog: MaterializedLookup;
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
  maxRows = 100_000,
  rememberMs = 5000,
}: RunnerOptions): ViewRunner {
  const generations = rememberGenerations(catalog, rememberMs);
  const materialized = materializedEngine(target, layout, generations, compareDatabases(source, target));
  const postgres = postgresEngine(source, layout);
  const totals = { queries: 0, materialized: 0, fallbacks: 0, milliseconds: 0 };

  async function choose<T>(question: Question, ask: Ask<T>): Promise<Answered<T>> {
    if (kind === 'postgres') return ask(postgres, question);
    if (kind === 'materialized') return ask(materialized, question);
    let obstacle = await materialized.find(question);
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
      avg_execution_time_ms: totals.queries === 0 ? 0 : round(totals.milliseconds / totals.queries),
    }),
    invalidate: (view) => generations.invalidate(view),
  };
}

type Ask<T> = (engine: Engine, question: Question) => Promise<Answered<T>>;

/** Milliseconds to three places. */
function round(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000;
}
