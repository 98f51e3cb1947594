import type { Expression, ExpressionVisitor } from '@viewmill/fhirpath';
import sql, { raw, type Sql } from 'sql-template-tag';
import { type Context, compileOne } from '../context.ts';
import { raiseSeveral } from '../errors.ts';
import { appendFilter, appendStep, pathFrom, renderPath, toPredicate } from '../json-path.ts';
import {
  bind,
  itemsOf,
  type Many,
  type One,
  one,
  pathValue,
  readAs,
  readMember,
  type SqlValue,
  several,
  toJson,
} from '../sql-value.ts';

type Navigation = 'focus' | 'variable' | 'member' | 'choice' | 'index' | 'filter' | 'ofResourceType' | 'single';

const MOST_INTEGER = 2_147_483_647;

/** From nodes to nodes. */
export const navigation: Pick<ExpressionVisitor<SqlValue, Context>, Navigation> = {
  focus: (node, context) => readAs(context.focus, node.type),

  variable: (node, context) => readAs(node.name === 'resource' ? context.resource : context.context, node.type),

  member: (node, context) => {
    const source = context.compile(node.source, context);
    if (source.many) return pathValue(appendStep(source.path ?? pathFrom(source.sql), node.key));
    if (!node.many) return readMember(source, node.key, node.type);
    const override = source.overrides?.[node.key];
    if (override !== undefined) return several(sql`jsonb_path_query_array(${override.sql}, '$[*]')`);
    return pathValue(appendStep(source.path ?? pathFrom(source.sql), node.key));
  },

  choice: (node, context) => {
    const members = (parent: One): Sql =>
      sql`coalesce(${joinComma(node.keys.map((key) => toJson(readMember(parent, key, node.type))))})`;
    const source = context.compile(node.source, context);
    if (!source.many) return bind(source, context.names, (parent) => one('jsonb', members(parent)));
    return mapItems(source, context, (item) => one('jsonb', members(item)));
  },

  index: (node, context) => {
    const source = context.compile(node.source, context);
    if (node.index.kind === 'literal') return readAs(itemAt(source, Number(node.index.value)), node.type);
    const position = compileOne(node.index, context);
    if (!source.many) return pick(source, sql`${position.sql} = 0`);
    return bind(position, context.names, ({ sql: at }) =>
      readAs(
        one('jsonb', sql`(case when ${at} between 0 and ${MOST_INTEGER}::integer then ${source.sql} -> (${at})::integer end)`),
        node.type,
      ),
    );
  },

  filter: (node, context) => filter(node.source, node.criteria, context),

  ofResourceType: (node, context) => {
    const source = context.compile(node.source, context);
    if (!source.many)
      return bind(source, context.names, (item) => pick(item, sql`${item.sql} ->> 'resourceType' = ${node.resourceType}::text`));
    return pathValue(
      appendFilter(source.path ?? pathFrom(source.sql), `@."resourceType" == ${JSON.stringify(node.resourceType)}`),
    );
  },

  single: (node, context) => {
    const source = context.compile(node.source, context);
    if (!source.many) return source;
    const alias = context.names.next('b');
    const items = sql`${alias}.v`;
    const fault = raiseSeveral(context.at, node.at, items);
    const array = sql`(select ${source.sql} as v offset 0) as ${alias}`;
    if (node.type.system !== null && readAs(one('jsonb', items), node.type).as === 'text') {
      return one(
        'text',
        sql`(select case when jsonb_array_length(${items}) > 1 then (${fault})::text else ${items} ->> 0 end from ${array})`,
      );
    }
    const item = one('jsonb', sql`(${items} -> 0)`, true);
    const value = readAs(item, node.type);
    const failed =
      value.as === 'boolean'
        ? sql`(${fault})::boolean`
        : value.as === 'numeric'
          ? sql`(${fault})::numeric`
          : sql`to_jsonb(${fault})`;
    return one(
      value.as,
      sql`(select case when jsonb_array_length(${items}) > 1 then ${failed} else ${value.sql} end from ${array})`,
    );
  },
};

/** The items for which the criteria holds. */
function filter(sourceNode: Expression, criteriaNode: Expression, context: Context): SqlValue {
  const source = context.compile(sourceNode, context);
  if (!source.many)
    return bind(source, context.names, (item) => pick(item, compileOne(criteriaNode, { ...context, focus: item }).sql));
  const predicate = toPredicate(criteriaNode);
  if (predicate !== null) return pathValue(appendFilter(source.path ?? pathFrom(source.sql), predicate));
  const rows = context.names.next('f');
  return several(
    sql`(select jsonb_agg(${rows}.item order by ${rows}.ord) from ${filteredItems(source, criteriaNode, context, rows)})`,
  );
}

/** `rows(item, ord) where criteria`, for FROM. */
export function filteredItems(source: Many, criteria: Expression, context: Context, rows: Sql): Sql {
  const focus = one('jsonb', sql`${rows}.item`, true);
  return sql`${itemsOf(source, null)} as ${rows}(item, ord) where ${compileOne(criteria, { ...context, focus }).sql}`;
}

/** Each item's value in order; items without one fall out. */
export function mapItems(source: Many, context: Context, value: (item: One) => One): Many {
  const rows = context.names.next('m');
  const values = context.names.next('m');
  const mapped = toJson(value(one('jsonb', sql`${rows}.item`, true)));
  return several(
    sql`(select jsonb_agg(${values}.v order by ${values}.ord) from (select ${mapped} as v, ${rows}.ord from ${itemsOf(source, null)} as ${rows}(item, ord)) as ${values} where ${values}.v is not null)`,
  );
}

function itemAt(source: SqlValue, index: number): One {
  if (!Number.isInteger(index) || index < 0 || index > MOST_INTEGER) return one('jsonb', sql`null::jsonb`, true);
  if (!source.many) return index === 0 ? source : one(source.as, sql`(case when false then ${source.sql} end)`);
  // The first of a path needs no array of all: 2 µs less.
  if (index === 0 && source.path !== undefined)
    return one('jsonb', sql`jsonb_path_query_first(${source.path.base}, ${renderPath(source.path)})`);
  return one('jsonb', sql`(${source.sql} -> ${raw(String(index))})`);
}

/** The item if the condition is true; what it is made of stays known. */
function pick(item: One, condition: Sql): One {
  const when = (value: One): One => one(value.as, sql`(case when ${condition} then ${value.sql} end)`);
  if (item.overrides === undefined) return when(item);
  const overrides = Object.fromEntries(Object.entries(item.overrides).map(([key, value]) => [key, when(value)]));
  return { ...when(item), overrides };
}

function joinComma(parts: readonly Sql[]): Sql {
  return parts.reduce((list, part) => sql`${list}, ${part}`);
}
