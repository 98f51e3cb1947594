import type { SystemType, ValueType } from '@viewmill/fhirpath';
import sql, { raw, type Sql } from 'sql-template-tag';
import { appendStep, type JsonPath, pathFrom, renderPath } from './json-path.ts';
import type { Names } from './names.ts';

/** What an SQL expression of a single item is in PostgreSQL. SQL null is empty; so is a jsonb null. */
export type Representation = 'text' | 'boolean' | 'numeric' | 'jsonb';

/** Zero or one item. */
export interface One {
  readonly many: false;
  readonly as: Representation;
  readonly sql: Sql;
  /** Cheap to write down twice. */
  readonly simple: boolean;
  /** Where the value is found, if a member chain: chains that become many are one jsonpath call. */
  readonly path?: JsonPath;
  /** Properties that the resource's JSON lacks and its columns have (`id`, `meta`). Only on the resource itself, always as `jsonb` values. */
  readonly overrides?: Readonly<Record<string, One>>;
}

/** Any number of items: a jsonb array without nulls; SQL null or `[]` if empty. */
export interface Many {
  readonly many: true;
  readonly sql: Sql;
  readonly path?: JsonPath;
}

export type SqlValue = One | Many;

export function one(as: Representation, expression: Sql, simple = false): One {
  return { many: false, as, sql: expression, simple };
}

export function several(expression: Sql): Many {
  return { many: true, sql: expression };
}

/** All that a jsonpath finds. */
export function pathValue(path: JsonPath): Many {
  return { many: true, sql: sql`jsonb_path_query_array(${path.base}, ${renderPath(path)})`, path };
}

export function representationOf(system: SystemType | null): Representation {
  if (system === null) return 'jsonb';
  if (system === 'Boolean') return 'boolean';
  return system === 'Integer' || system === 'Decimal' ? 'numeric' : 'text';
}

/**
 * Reads one jsonb item as its FHIR type. An item of another JSON type than its FHIR type has is empty
 * (a text is taken as it is), so that one bad resource cannot fail the query.
 */
export function readAs(value: One, type: ValueType): One {
  const as = representationOf(type.system);
  if (value.as !== 'jsonb' || as === 'jsonb') return value;
  if (as === 'text') return one('text', sql`(${value.sql} #>> '{}')`, value.simple);
  if (as === 'boolean')
    return one('boolean', sql`(case ${value.sql} when 'true' then true when 'false' then false end)`, value.simple);
  if (!value.simple) return one('numeric', sql`jsonb_path_query_first(${value.sql}, '$ ? (@.type() == "number")')::numeric`);
  return one('numeric', sql`(case jsonb_typeof(${value.sql}) when 'number' then (${value.sql})::numeric end)`, true);
}

/** The member of a single node, read as its type. */
export function readMember(parent: One, key: string, type: ValueType): One {
  const override = parent.overrides?.[key];
  if (override !== undefined) return readAs(override, type);
  const name = quoteKey(key);
  const path = appendStep(parent.path ?? pathFrom(parent.sql), key);
  const as = representationOf(type.system);
  const step = sql`(${parent.sql} -> ${name})`;
  if (as === 'jsonb') return { ...one('jsonb', step, parent.simple), path };
  if (as === 'text') return { ...one('text', sql`(${parent.sql} ->> ${name})`, parent.simple), path };
  return { ...readAs(one('jsonb', step, parent.simple), type), path };
}

/** A key as an SQL literal: keys come from the model, so nothing has to be escaped; what is odd all the same becomes a parameter. */
function quoteKey(key: string): Sql {
  return /^\w+$/.test(key) ? raw(`'${key}'`) : sql`${key}::text`;
}

/** As jsonb; SQL null if empty. */
export function toJson(value: One): Sql {
  return value.as === 'jsonb' ? sql`nullif(${value.sql}, 'null')` : sql`to_jsonb(${value.sql})`;
}

/** As a jsonb array; null or `[]` if empty. */
export function toArray(value: SqlValue): Sql {
  if (value.many) return value.sql;
  if (value.as === 'jsonb' && value.path !== undefined) return pathValue(value.path).sql;
  return sql`(case when ${present(value)} then jsonb_build_array(${value.sql}) end)`;
}

/** Boolean, never null: is there an item? */
export function present(value: SqlValue): Sql {
  if (!value.many)
    return value.as === 'jsonb' ? sql`(nullif(${value.sql}, 'null') is not null)` : sql`(${value.sql} is not null)`;
  if (value.path !== undefined) return sql`coalesce(jsonb_path_exists(${value.path.base}, ${renderPath(value.path)}), false)`;
  return sql`(coalesce(jsonb_array_length(${value.sql}), 0) > 0)`;
}

/**
 * A set of rows (item, ord) of the value's items, in order, for FROM. `guard`: no rows unless it is true.
 */
export function itemsOf(value: SqlValue, guard: Sql | null): Sql {
  const guarded = (expression: Sql): Sql => (guard === null ? expression : sql`case when ${guard} then ${expression} end`);
  if (value.path !== undefined && (value.many || value.as === 'jsonb')) {
    return sql`jsonb_path_query(${guarded(value.path.base)}, ${renderPath(value.path)}) with ordinality`;
  }
  return sql`jsonb_array_elements(${guarded(toArray(value))}) with ordinality`;
}

/** Applies `use` to the value, computed once. */
export function bind(value: One, names: Names, use: (value: One) => One): One {
  if (value.simple || value.overrides !== undefined) return use(value);
  const alias = names.next('b');
  const bound = one(value.as, sql`${alias}.v`, true);
  const result = use(bound);
  return one(result.as, sql`(select ${result.sql} from (select ${value.sql} as v offset 0) as ${alias})`);
}
