import { createHash } from 'node:crypto';
import type { Search } from '@viewmill/contracts';
import type { TextSource } from '@viewmill/fhir-source';
import { describeColumns } from '../columns.ts';
import { askCount, askRows, rowsAnswer, streamAnswer } from '../run.ts';
import type { ViewRunner } from '../view-runner.ts';
import { memoryEngine } from './memory-engine.ts';

export interface MemoryRunnerOptions {
  /** A FHIR server or NDJSON files. */
  readonly source: TextSource;
  /** Rows of one answer at most, default 100 000. */
  readonly maxRows?: number;
  /** Told where a text stands that is no resource; it is left out and counted in `meta.reason`. */
  readonly onBroken?: (place: string) => void;
}

/**
 * Computes views from the texts of resources, without a database; every query reads the source anew. Without `_sort`, rows come in
 * the source's order. A cursor counts resources: if the source changes between two pages, a row can be missed or shown twice.
 */
export function createMemoryRunner({ source, maxRows = 100_000, onBroken = () => undefined }: MemoryRunnerOptions): ViewRunner {
  const engine = memoryEngine(source, onBroken);
  const totals = { queries: 0, milliseconds: 0 };

  async function timed<T>(work: () => Promise<T>): Promise<[T, number]> {
    const started = performance.now();
    const result = await work();
    const milliseconds = Math.round((performance.now() - started) * 1000) / 1000;
    totals.queries += 1;
    totals.milliseconds += milliseconds;
    return [result, milliseconds];
  }

  return {
    async execute(view, search, limit, options = {}) {
      const scope = scopeOf(search);
      const question = askRows(view, search, maxRows, limit, options, scope);
      const [answered, milliseconds] = await timed(() => engine.page(question));
      return rowsAnswer(question, answered, milliseconds, scope);
    },
    async stream(view, search, { format, write, ...options }) {
      const scope = scopeOf(search);
      const question = askRows(view, search, maxRows, undefined, options, scope);
      const columns = view.plan.columns.map(({ name }) => name);
      const [answered, milliseconds] = await timed(() =>
        engine.stream(question, { format, limit: question.limit, write: (meta, text) => write({ columns, meta }, text) }),
      );
      return streamAnswer(question, answered, milliseconds, scope);
    },
    async executeCount(view, search, options = {}) {
      const [{ answer, meta }, milliseconds] = await timed(() => engine.count(askCount(view, search, options)));
      return { count: answer, meta: { ...meta, rows: 1, database_ms: milliseconds } };
    },
    getSchema: (view) => describeColumns(view.plan),
    stats: () => ({
      runner_type: 'memory',
      total_queries: totals.queries,
      materialized_queries: 0,
      postgres_fallbacks: 0,
      cache_hits: 0,
      avg_execution_time_ms: totals.queries === 0 ? 0 : Math.round((totals.milliseconds / totals.queries) * 1000) / 1000,
    }),
    invalidate: () => undefined,
  };
}

/** Positions count what the source gives, and that depends on the conditions: a cursor is for the same ones only. */
function scopeOf({ conditions }: Search): string {
  return `memory ${createHash('sha256').update(JSON.stringify(conditions)).digest('base64url')}`;
}
