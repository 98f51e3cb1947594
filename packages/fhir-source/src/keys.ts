import type { Readable } from 'node:stream';
import type { ClientBase } from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import type { Sql } from 'sql-template-tag';
import sql, { empty } from 'sql-template-tag';
import { isCurrent } from './current-resources.ts';
import { inlineLiterals } from './inline-literals.ts';
import { type HapiLayout, hapiTable } from './layout.ts';
import type { Queryable } from './queryable.ts';
import type { SourceNeeds } from './source-needs.ts';

/** Whether keys must hold the tags too: `$meta-add` changes them and nothing else. */
export function keysHaveTags(layout: HapiLayout, needs: SourceNeeds): boolean {
  return layout.tags && (needs.meta.tags || needs.whole);
}

/**
 * What tells one state of a resource from another, without its text: `res_id bigint, res_ver bigint`, and, where the view needs
 * tags, `tags text` (the tags' keys in order; null without tags). A resource's version is never written twice, also not when it is
 * deleted and created again. Live resources of the type only: a deleted one has no key.
 * @param restriction a condition on `r` (hfj_resource).
 */
export function currentKeys(layout: HapiLayout, resourceType: string, needs: SourceNeeds, restriction?: Sql): Sql {
  const tagged = keysHaveTags(layout, needs);
  // All at once is a tenth of the cost of a look-up each; for a few it is the other way round.
  const tags = sql`select res_id, string_agg(tag_id::text, ',' order by tag_id) as tags from ${hapiTable(layout, 'hfj_res_tag')}`;
  const join =
    restriction === undefined
      ? sql` left join (${tags} where res_type = ${resourceType} group by res_id) t on t.res_id = r.res_id`
      : sql` left join lateral (${tags} where res_id = r.res_id group by res_id) t on true`;
  return sql`select r.res_id::bigint as res_id, r.res_ver::bigint as res_ver${tagged ? sql`, t.tags` : empty}
    from ${hapiTable(layout, 'hfj_resource')} r${tagged ? join : empty} where ${isCurrent(resourceType, restriction)}`;
}

/**
 * Names the database and everything else, beside the resources, that rows depend on. Keys of one source mean nothing in another:
 * where this differs from what a generation was built from, only a full build will do.
 */
export async function sourceKey(client: Queryable, layout: HapiLayout): Promise<string> {
  const { notices: _notices, links: _links, tokenIndex: _tokens, dateIndex: _dates, ...facts } = layout;
  const { rows } = await client.query<{ place: string }>(sql`
    select (select oid from pg_catalog.pg_database where datname = current_database()) || '/' || ${hapiTable(layout, 'hfj_resource').text}::regclass::oid
      as place`);
  return `${rows[0]?.place} ${JSON.stringify(facts)}`;
}

/**
 * Keys that are not the same on both sides, with the columns of `currentKeys`: `res_ver` is null where the source has none.
 * @param source keys as of `currentKeys`. @param versions a table of such keys.
 */
export function differingKeys(source: Sql, versions: Sql, layout: HapiLayout, needs: SourceNeeds): Sql {
  const tagged = keysHaveTags(layout, needs);
  return sql`select coalesce(s.res_id, g.res_id) as res_id, s.res_ver${tagged ? sql`, s.tags` : empty}
    from (${source}) s full join ${versions} g on g.res_id = s.res_id
    where s.res_ver is distinct from g.res_ver${tagged ? sql` or s.tags is distinct from g.tags` : empty}`;
}

/** The columns of `currentKeys`. */
export function keyColumns(layout: HapiLayout, needs: SourceNeeds): readonly ('res_id' | 'res_ver' | 'tags')[] {
  return keysHaveTags(layout, needs) ? ['res_id', 'res_ver', 'tags'] : ['res_id', 'res_ver'];
}

/** `currentKeys` as the bytes of a binary COPY, which another server's COPY takes as they are. */
export function readKeys(
  client: ClientBase,
  layout: HapiLayout,
  resourceType: string,
  needs: SourceNeeds,
  restriction?: Sql,
): Readable {
  const keys = currentKeys(layout, resourceType, needs, restriction);
  return client.query(copyTo(`copy (${inlineLiterals(keys)}) to stdout (format binary)`));
}
