import type { Sql } from 'sql-template-tag';
import sql, { join } from 'sql-template-tag';
import type { InstantRange } from './instant-range.ts';
import { type HapiLayout, hapiTable } from './layout.ts';

/*
 * Conditions on `r`, a row of hfj_resource, that narrow `currentResources` and `readResources` through HAPI's indexes.
 */

/** Resources of the type whose FHIR id is one of these. */
export function restrictToIds(layout: HapiLayout, resourceType: string, ids: readonly string[]): Sql {
  return sql`r.res_id in (${resourcesById(layout, resourceType, ids)})`;
}

/** The `res_id`s of the resources, deleted ones included, with these FHIR ids. A null type is any type. */
function resourcesById(layout: HapiLayout, resourceType: string | null, ids: readonly string[]): Sql {
  const ofType = resourceType === null ? sql`true` : sql`i.res_type = ${resourceType}`;
  const resource = hapiTable(layout, 'hfj_resource');
  const forcedId = hapiTable(layout, 'hfj_forced_id');
  const found: Sql[] = [];
  if (layout.fhirId) found.push(sql`select i.res_id from ${resource} i where ${ofType} and i.fhir_id = any (${ids}::text[])`);
  const withoutFhirId = layout.fhirId ? sql` and i.fhir_id is null` : sql``;
  if (layout.forcedId) {
    found.push(sql`select i.res_id from ${forcedId} n join ${resource} i on i.res_id = n.resource_pid
      where ${ofType} and n.forced_id = any (${ids}::text[])${withoutFhirId}`);
  }
  // A resource that has neither is known by its key.
  const keys = ids.filter((id) => /^(0|[1-9]\d{0,17})$/.test(id));
  if (keys.length > 0) {
    const unforced = layout.forcedId ? sql` and not exists (select from ${forcedId} n where n.resource_pid = i.res_id)` : sql``;
    found.push(sql`select i.res_id from ${resource} i
      where ${ofType} and i.res_id = any (${keys}::bigint[])${withoutFhirId}${unforced}`);
  }
  return found.length === 0 ? sql`select null::bigint where false` : join(found, ' union all ');
}

/** How `_lastUpdated` is compared; as FHIR search does with a value that is a stretch of time. */
export type RangeOperator = 'eq' | 'ne' | 'gt' | 'ge' | 'lt' | 'le';

/** Resources whose current version was written in, outside, before or after the given time. */
export function restrictToUpdated(layout: HapiLayout, operator: RangeOperator, range: InstantRange): Sql {
  const from = sql`(${range.from}::timestamptz at time zone ${layout.timeZone}::text)`;
  const to = sql`(${range.to}::timestamptz at time zone ${layout.timeZone}::text)`;
  switch (operator) {
    case 'eq':
      return sql`(r.res_updated >= ${from} and r.res_updated < ${to})`;
    case 'ne':
      return sql`(r.res_updated < ${from} or r.res_updated >= ${to})`;
    case 'gt':
      return sql`r.res_updated >= ${to}`;
    case 'ge':
      return sql`r.res_updated >= ${from}`;
    case 'lt':
      return sql`r.res_updated < ${from}`;
    case 'le':
      return sql`r.res_updated < ${to}`;
  }
}

/** What is known of how completely hfj_res_link holds the references of one element; see `readLinkCoverage`. */
export interface LinkCoverage {
  /** A top-level element of the resource, such as `subject`. */
  readonly element: string;
  /** Live resources without a link of the element; they have to be looked at one by one. */
  readonly unlinked: readonly string[];
  /** Local time of the server; whatever was written since may be unlinked too. */
  readonly since: string;
}

/**
 * Resources that refer to one of these ids through `element`, and those that hfj_res_link may have missed: a superset,
 * so compare the view's column as well.
 * @param targetType type of what is referred to; null: any.
 */
export function restrictToTargets(
  layout: HapiLayout,
  resourceType: string,
  coverage: LinkCoverage,
  targetType: string | null,
  ids: readonly string[],
): Sql {
  return sql`(r.res_id in (
    select l.src_resource_id from ${hapiTable(layout, 'hfj_res_link')} l
      where l.target_resource_id in (${resourcesById(layout, targetType, ids)}) and l.src_path = any (${linkPaths(resourceType, coverage.element)}::text[])
    union all select unnest(${coverage.unlinked}::bigint[])
    union all select n.res_id from ${hapiTable(layout, 'hfj_resource')} n
      where n.res_type = ${resourceType} and n.res_deleted_at is null and n.res_updated >= ${coverage.since}::timestamp))`;
}

/**
 * Resources whose text may hold one of these ids: a condition on `r` and its version `v`, for `currentResources` only. Sound whatever
 * the indexes hold: an id is written with characters that JSON has no reason to escape, and a text with escapes of that kind passes.
 * It costs a hundredth of parsing the text. Undefined if an id has other characters.
 */
export function restrictToMentions(layout: HapiLayout, ids: readonly string[]): Sql | undefined {
  if (!layout.inlineText || !ids.every((id) => /^[A-Za-z0-9\-.]+$/.test(id))) return undefined;
  const found = join(
    [...ids, '\\u'].map((text) => sql`strpos(v.res_text_vc, ${text}) > 0`),
    ' or ',
  );
  return sql`(v.res_text_vc is null or ${found})`;
}

/** HAPI writes a search parameter's whole path; those of one element come with and without the type of the target. */
export function linkPaths(resourceType: string, element: string): string[] {
  const path = `${resourceType}.${element}`;
  return [path, `${path}.where(resolve() is Patient)`];
}

/** The `res_id`s of current resources under a restriction: for narrowing rows that are kept elsewhere in the same database. */
export function restrictedIds(layout: HapiLayout, resourceType: string, restriction: Sql): Sql {
  return sql`select r.res_id from ${hapiTable(layout, 'hfj_resource')} r
    where r.res_type = ${resourceType} and r.res_deleted_at is null and ${restriction}`;
}
