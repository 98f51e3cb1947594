import type { Sql } from 'sql-template-tag';
import sql from 'sql-template-tag';
import { DATE_MARGIN, type IndexCoverage, tokenColumns } from './index-restrictions.ts';
import type { IndexedElement } from './indexed-element.ts';
import { type HapiLayout, hapiTable } from './layout.ts';
import type { Queryable } from './queryable.ts';
import { searchHash } from './search-hash.ts';

/** More unindexed resources than this and the index is no help. */
const MOST_UNINDEXED = 1000;
const HASHES_TRIED = 200;

/**
 * Whether the index has anything of the element, and its hashes are the ones computed here: a look at 200 rows. Not so where the
 * search parameter is disabled, the tables are empty (a dump without them), or the server puts the partition into its hashes.
 */
export async function indexHolds(client: Queryable, layout: HapiLayout, element: IndexedElement): Promise<boolean> {
  if (element.kind === 'date') {
    const answer = await client.query<{ found: boolean }>(
      sql`select exists (select from ${hapiTable(layout, 'hfj_spidx_date')} t where t.hash_identity = ${element.identity}::bigint) as found`,
    );
    return answer.rows[0]?.found === true;
  }
  const { hash, text } = tokenColumns(element.kind);
  const sample = await client.query<{ hash: string; text: string }>(sql`
    select t.${hash}::text as hash, t.${text} as text from ${hapiTable(layout, 'hfj_spidx_token')} t
    where t.hash_identity = ${element.identity}::bigint and t.${text} is not null and t.${hash} is not null limit ${HASHES_TRIED}::int`);
  const { resourceType, parameter } = element;
  return sample.rows.length > 0 && sample.rows.every((row) => row.hash === searchHash(resourceType, parameter, row.text.trim()));
}

/**
 * Proves, value by value, how far a search index holds what the view reads: it compares every value with the index rows of its resource.
 * So it does not matter why the index might lack something: a search parameter switched off or defined differently by the
 * server, a reindexing that is pending, resources or index rows written by other means than HAPI. What lacks is listed.
 *
 * What is assumed of the time after: who writes a resource sets `res_updated`, and commits within ten minutes (as `readLinkCoverage`
 * assumes); and index rows change with their resource. The latter is broken by a $reindex after a search parameter was redefined or
 * disabled, which is noticed when the coverage is read again. No other case is known, but HAPI's source was not gone through for one.
 * Reads and parses the type once.
 * @param values a SELECT of `res_id` and `value` over the current resources, with every value of the path; in the session's
 * time zone UTC, which a `value` of type date is taken in.
 * @returns null if the index does not help.
 */
export async function readIndexCoverage(
  client: Queryable,
  layout: HapiLayout,
  element: IndexedElement,
  values: Sql,
): Promise<IndexCoverage | null> {
  const resource = hapiTable(layout, 'hfj_resource');
  // As in readLinkCoverage: should the newest resource be ahead of this clock, it is the clock.
  const clock = sql`(now() at time zone ${layout.timeZone}::text)`;
  const answer = await client.query<{ unindexed: string[] | null; since: string | null }>(sql`
    select
      (select array_agg(u.res_id::text) from (
        select distinct q.res_id from (${values}) q where q.value is not null and not exists (${indexRow(layout, element)})
        limit ${MOST_UNINDEXED + 1}::int) u) as unindexed,
      (select (case when max(r.res_updated) > ${clock} + interval '1 minute' then max(r.res_updated) else ${clock} end
          - interval '10 minutes')::text
        from ${resource} r where r.res_type = ${element.resourceType} and r.res_deleted_at is null) as since`);
  const row = answer.rows[0];
  const unindexed = row?.unindexed ?? [];
  if (row === undefined || unindexed.length > MOST_UNINDEXED) return null;
  return { unindexed, since: row.since ?? '-infinity' };
}

/** The index row that a search for the value would find. */
function indexRow(layout: HapiLayout, { kind, identity }: IndexedElement): Sql {
  if (kind === 'date') {
    const at = sql`(q.value::timestamptz at time zone 'UTC')`;
    return sql`select from ${hapiTable(layout, 'hfj_spidx_date')} t where t.res_id = q.res_id and t.hash_identity = ${identity}::bigint
      and t.sp_value_low <= ${at} + ${DATE_MARGIN} and t.sp_value_high >= ${at} - ${DATE_MARGIN}`;
  }
  const { hash, text } = tokenColumns(kind);
  return sql`select from ${hapiTable(layout, 'hfj_spidx_token')} t where t.res_id = q.res_id and t.hash_identity = ${identity}::bigint
    and t.${text} = q.value and t.${hash} is not null`;
}
