import type { Sql } from 'sql-template-tag';
import sql, { join, raw } from 'sql-template-tag';
import type { IndexedElement } from './indexed-element.ts';
import type { InstantRange } from './instant-range.ts';
import { type HapiLayout, hapiTable } from './layout.ts';
import type { RangeOperator } from './restrictions.ts';
import { searchHash } from './search-hash.ts';

/*
 * Conditions on `r`, a row of hfj_resource, through HAPI's search indexes. Each admits a superset of the resources whose value
 * satisfies the condition, so the view's column has to be compared as well.
 */

/** What is known of how completely a search index holds the values of one path; see `readIndexCoverage`. */
export interface IndexCoverage {
  /** Live resources with a value that the index lacks; they have to be looked at one by one. */
  readonly unindexed: readonly string[];
  /** Local time of the server; whatever was written since may be missing too. */
  readonly since: string;
}

/**
 * Between an instant as a column holds it and as HAPI's index does: the index holds local times of the JVM (UTC-12 to UTC+14), takes a
 * date for one in that zone, where a column takes UTC, and rounds to days. Coverage is proved with the same margin.
 */
export const DATE_MARGIN = sql`interval '2 days'`;

/** What is hashed as it is written; HAPI trims what it hashes, and has columns of 200 characters. */
const HASHED_AS_WRITTEN = /^[\x21-\x7e](?:[\x20-\x7e]{0,198}[\x21-\x7e])?$/;

export function tokenColumns(kind: 'code' | 'system'): { readonly hash: Sql; readonly text: Sql } {
  return kind === 'code' ? { hash: raw('hash_value'), text: raw('sp_value') } : { hash: raw('hash_sys'), text: raw('sp_system') };
}

/** Resources with one of these codes or systems. Null if a value's hash is uncertain. */
export function restrictToTokens(
  layout: HapiLayout,
  element: IndexedElement,
  coverage: IndexCoverage,
  values: readonly string[],
): Sql | null {
  if (element.kind === 'date' || !values.every((value) => HASHED_AS_WRITTEN.test(value))) return null;
  const hashes = values.map((value) => searchHash(element.resourceType, element.parameter, value));
  const { hash } = tokenColumns(element.kind);
  // One hash as `=`: the planner then knows its share of the table, as it does not know that of an array.
  const equal = hashes.length === 1 ? sql`= ${hashes[0]}::bigint` : sql`= any (${hashes}::bigint[])`;
  return within(
    layout,
    element,
    coverage,
    sql`select t.res_id from ${hapiTable(layout, 'hfj_spidx_token')} t where t.${hash} ${equal}`,
  );
}

/** Resources with a date, time or period that may compare so with one of these ranges. Null: the operator cannot be narrowed. */
export function restrictToDates(
  layout: HapiLayout,
  element: IndexedElement,
  coverage: IndexCoverage,
  operator: RangeOperator,
  ranges: readonly InstantRange[],
): Sql | null {
  if (element.kind !== 'date' || operator === 'ne' || ranges.length === 0) return null;
  const instant = (text: string): Sql => sql`(${text}::timestamptz at time zone 'UTC')`;
  const earliest = sql`least(${join(ranges.map(({ from }) => instant(from)))}) - ${DATE_MARGIN}`;
  const latest = sql`greatest(${join(ranges.map(({ to }) => instant(to)))}) + ${DATE_MARGIN}`;
  const conditions = [sql`t.hash_identity = ${element.identity}::bigint`];
  if (operator !== 'gt' && operator !== 'ge') conditions.push(sql`t.sp_value_low <= ${latest}`);
  if (operator !== 'lt' && operator !== 'le') conditions.push(sql`t.sp_value_high >= ${earliest}`);
  return within(
    layout,
    element,
    coverage,
    sql`select t.res_id from ${hapiTable(layout, 'hfj_spidx_date')} t where ${join(conditions, ' and ')}`,
  );
}

/** Those that the index names, those it is known to lack, and those written since that was found out. */
function within(layout: HapiLayout, { resourceType }: IndexedElement, { unindexed, since }: IndexCoverage, indexed: Sql): Sql {
  return sql`(r.res_id in (${indexed}
    union all select unnest(${unindexed}::bigint[])
    union all select n.res_id from ${hapiTable(layout, 'hfj_resource')} n
      where n.res_type = ${resourceType} and n.res_deleted_at is null and n.res_updated >= ${since}::timestamp))`;
}
