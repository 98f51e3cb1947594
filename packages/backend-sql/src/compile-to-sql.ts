import { ident } from '@viewmill/contracts';
import type { Column, ViewPlan } from '@viewmill/views';
import sql, { join, type Sql } from 'sql-template-tag';
import { type Context, compileOne } from './context.ts';
import { createNames } from './names.ts';
import { compileExpression } from './scalar/index.ts';
import { addSelects, createBlock, renderFrom } from './select.ts';
import { type One, one } from './sql-value.ts';

export interface SqlOptions {
  /** Adds a column `ordinal integer` that numbers the rows of one resource from 0. */
  readonly ordinal?: boolean;
  /**
   * The relation's `id` may be null, and then the body's own counts. Without it the column `id` is the relation's
   * as it stands, so that a filter on it reaches the relation's index.
   */
  readonly idInBody?: boolean;
}

export interface CompiledColumn {
  readonly name: string;
  readonly sqlType: string;
}

export interface CompiledRows {
  /** A SELECT without a final semicolon; may be put into FROM. */
  readonly rows: Sql;
  /** All its output columns, in order. */
  readonly columns: readonly CompiledColumn[];
}

/**
 * The view's rows over a relation of resources, as one SELECT: `res_id`, `ordinal` (if asked for), then the plan's columns.
 * SQL on FHIR v2, "Processing Algorithm". A path that finds several values where one is allowed makes the statement fail;
 * see decodeSqlError.
 * @param relation a SELECT with `res_id bigint, id text, body text, meta jsonb`: current resources of the plan's type. `body` is
 * JSON text; `meta`, where it is not null, replaces the body's; `id` replaces the body's (see SqlOptions.idInBody).
 */
export function compileToSql(plan: ViewPlan, relation: Sql, options: SqlOptions = {}): CompiledRows {
  const names = createNames();
  // A view of ids alone does not parse: the body is not read unless id or meta is null.
  const parsed = plan.needs.whole || plan.needs.properties.length > 0;
  const body = parsed ? sql`p.j` : sql`r.body::jsonb`;
  const resource = resourceValue(body, options.idInBody ?? false);
  const context: Context = {
    resource,
    context: resource,
    focus: resource,
    rowIndex: sql`0`,
    at: '',
    names,
    compile: compileExpression,
  };

  const whole = sql`r.body::jsonb || jsonb_strip_nulls(jsonb_build_object('id', r.id, 'meta', r.meta))`;
  // The mention of res_id keeps the planner from a Memoize node keyed by the body: PostgreSQL has no statistics of wide texts.
  const parse = sql` cross join lateral (select ${plan.needs.whole ? whole : sql`r.body::jsonb`} as j where r.res_id is not null offset 0) as p`;
  const source = sql`(${relation}) as r${parsed ? parse : sql``}`;

  const where = plan.where.map((node, index) => compileOne(node, { ...context, at: `where[${index}]` }).sql);
  const block = createBlock();
  addSelects(plan.selects, { context, columns: plan.columns, guard: null }, block);
  const columns = plan.columns.map((column, slot) => sql`, ${block.slots.get(slot) ?? sql`null`} as ${ident(column.name)}`);

  const ordered = options.ordinal === true && block.keys.length > 0;
  let rows: Sql;
  if (ordered) {
    // Numbered within a lateral subquery: a small sort a resource, and not one of the whole view.
    const ordinal = sql`(row_number() over (order by ${join(block.keys, ', ')}) - 1)::integer as ordinal`;
    const inner = sql`select ${ordinal}${join(columns, '')}${renderFrom(block)}`;
    const outer = plan.columns.map((column) => sql`, t.${ident(column.name)}`);
    rows = sql`select r.res_id, t.ordinal${join(outer, '')} from ${source} cross join lateral (${inner}) as t${whereAll(where)}`;
  } else {
    const ordinal = options.ordinal === true ? sql`, 0 as ordinal` : sql``;
    block.where.unshift(...where);
    rows = sql`select r.res_id${ordinal}${join(columns, '')}${renderFrom(block, source)}`;
  }
  return { rows, columns: outputColumns(plan.columns, options.ordinal ?? false) };
}

/** The resource as the focus of the view; its id and meta come from the relation. */
function resourceValue(body: Sql, idInBody: boolean): One {
  const id = idInBody ? one('text', sql`coalesce(r.id, ${body} ->> 'id')`) : one('text', sql`r.id`, true);
  const meta = one('jsonb', sql`coalesce(r.meta, ${body} -> 'meta')`, true);
  return { ...one('jsonb', body, true), overrides: { id, meta } };
}

function whereAll(conditions: readonly Sql[]): Sql {
  return conditions.length === 0 ? sql`` : sql` where ${join(conditions, ' and ')}`;
}

function outputColumns(columns: readonly Column[], ordinal: boolean): readonly CompiledColumn[] {
  return [
    { name: 'res_id', sqlType: 'bigint' },
    ...(ordinal ? [{ name: 'ordinal', sqlType: 'integer' }] : []),
    ...columns.map(({ name, sqlType }) => ({ name, sqlType })),
  ];
}
