import { compileToSql, inlineParameters } from '@viewmill/backend-sql';
import { ident, type Search, type SearchInput, searchSchema } from '@viewmill/contracts';
import { compressedResources, currentResources, detectHapi, type HapiLayout } from '@viewmill/fhir-source';
import {
  createRunner,
  type MaterializedLookup,
  type MaterializedView,
  type RunnableView,
  type RunnerOptions,
  type ViewRunner,
} from '@viewmill/runner';
import { builtInViews, compileView } from '@viewmill/views';
import type { Pool } from 'pg';

export function builtIn(name: string): RunnableView {
  const found = builtInViews().find((view) => view.name === name);
  if (found === undefined) throw new Error(`no built-in view ${name}`);
  return { name, plan: compileView(found.definition) };
}

/** A view of the columns given as name → path, or name → whole column. */
export function viewOf(
  resource: string,
  columns: Record<string, string | Record<string, unknown>>,
  more: Record<string, unknown> = {},
): RunnableView {
  const column = Object.entries(columns).map(([name, value]) =>
    typeof value === 'string' ? { name, path: value } : { name, ...value },
  );
  return {
    name: 'tested',
    plan: compileView({
      resourceType: 'ViewDefinition',
      name: 'tested',
      status: 'active',
      resource,
      select: [{ column, ...more }],
    }),
  };
}

export function searchOf(input: SearchInput = {}): Search {
  return searchSchema.parse(input);
}

/** Orders of patient_simple: several columns, both directions, values that are missing, a boolean. */
export const PATIENT_ORDERS = [
  ['birth_date'],
  ['-family', 'gender'],
  ['deceased_time_at', '-gender'],
  ['-deceased_time_at'],
  ['active', 'given'],
];

/** Conditions as `field operator value,value`. */
export function where(...texts: readonly string[]): Search {
  const conditions = texts.map((text) => {
    const [field = '', operator = 'eq', values = ''] = text.split(' ');
    return { field, operator: operator as 'eq', values: values.split(',').map((value) => value.replaceAll('~', ' ')) };
  });
  return searchOf({ conditions });
}

/** A catalog of generations in memory; their tables are made by the generated SQL. */
export class Generations implements MaterializedLookup {
  readonly views = new Map<string, MaterializedView>();
  lookups = 0;

  async current(view: string): Promise<MaterializedView | null> {
    this.lookups += 1;
    return this.views.get(view) ?? null;
  }

  /** Builds the view's next generation in `target` from `source`, which must be the same database. */
  async build(pool: Pool, layout: HapiLayout, { name, plan }: RunnableView): Promise<void> {
    const compressed = await compressedResources(pool, layout, plan.resource);
    const { rows } = compileToSql(plan, currentResources(layout, plan.resource, plan.needs, undefined, compressed), {
      ordinal: true,
    });
    const generation = (this.views.get(name ?? '')?.generation ?? 0) + 1;
    const table = `${name}_${generation}`;
    const relation = ident('sqlonfhir', table);
    await pool.query('create schema if not exists sqlonfhir');
    await pool.query(`create table ${relation.text} as ${inlineParameters(rows)}`);
    await pool.query(`alter table ${relation.text} add primary key (res_id, ordinal)`);
    if (plan.columns.some((column) => column.name === 'patient_id'))
      await pool.query(`create index on ${relation.text} (patient_id)`);
    await pool.query(`analyze ${relation.text}`);
    this.views.set(name ?? '', { relation, planHash: plan.hash, asOf: '2026-01-01T00:00:00.000Z', isStale: false, generation });
  }
}

export interface Fixture {
  readonly layout: HapiLayout;
  readonly generations: Generations;
  runner(kind: RunnerOptions['kind'], more?: Partial<RunnerOptions>): ViewRunner;
}

export async function fixture(pool: Pool): Promise<Fixture> {
  const layout = await detectHapi(pool, { schema: 'public', timeZone: 'UTC' });
  const generations = new Generations();
  return {
    layout,
    generations,
    runner: (kind, more = {}) => createRunner({ kind, source: pool, target: pool, layout, catalog: generations, ...more }),
  };
}

export type Json = Record<string, unknown>;

export async function rowsOf(
  runner: ViewRunner,
  view: RunnableView,
  search: Search = searchOf(),
  limit?: number,
): Promise<Json[]> {
  const { rowsJson, meta } = await runner.execute(view, search, limit);
  const rows = JSON.parse(rowsJson) as Json[];
  if (rows.length !== meta.rows) throw new Error(`${rows.length} rows, but meta says ${meta.rows}`);
  return rows;
}
