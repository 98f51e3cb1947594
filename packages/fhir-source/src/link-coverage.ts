import sql from 'sql-template-tag';
import { type HapiLayout, hapiTable } from './layout.ts';
import type { Queryable } from './queryable.ts';
import { type LinkCoverage, linkPaths } from './restrictions.ts';

/** More unlinked resources than this and the index is no help. */
const MOST_UNLINKED = 1000;

/**
 * Finds out whether hfj_res_link can narrow a search by the reference in one element. HAPI writes no link for a reference whose target it does not
 * hold (referential integrity switched off), for an element without a search parameter, or while the index is not built; so the
 * resources without a link are listed, and those written from ten minutes ago on are always looked at.
 * Ten minutes: `res_updated` is set before the commit, by as long as the transaction takes, on another machine's clock.
 * Reads the type once, so keep the answer; it stays right for good, but narrows less the older it is.
 * @returns null if the table does not help.
 */
export async function readLinkCoverage(
  client: Queryable,
  layout: HapiLayout,
  resourceType: string,
  element: string,
): Promise<LinkCoverage | null> {
  if (!layout.links) return null;
  const paths = linkPaths(resourceType, element);
  const link = hapiTable(layout, 'hfj_res_link');
  const resource = hapiTable(layout, 'hfj_resource');
  // A newest resource that is ahead of this clock says that FHIR_TIME_ZONE or a clock is wrong: then the newest one is the clock.
  const clock = sql`(now() at time zone ${layout.timeZone}::text)`;
  const answer = await client.query<{ linked: boolean; unlinked: string[] | null; since: string | null }>(sql`
    select exists (select from ${link} l where l.src_path = any (${paths}::text[])) as linked,
      (select array_agg(u.res_id::text) from (
        select r.res_id from ${resource} r
        where r.res_type = ${resourceType} and r.res_deleted_at is null
          and not exists (select from ${link} l where l.src_resource_id = r.res_id and l.src_path = any (${paths}::text[]))
        limit ${MOST_UNLINKED + 1}::int) u) as unlinked,
      (select (case when max(r.res_updated) > ${clock} + interval '1 minute' then max(r.res_updated) else ${clock} end
          - interval '10 minutes')::text
        from ${resource} r where r.res_type = ${resourceType} and r.res_deleted_at is null) as since`);
  const row = answer.rows[0];
  const unlinked = row?.unlinked ?? [];
  if (row === undefined || !row.linked || unlinked.length > MOST_UNLINKED) return null;
  return { element, unlinked, since: row.since ?? '-infinity' };
}
