import type { Sql } from 'sql-template-tag';
import sql, { empty, join } from 'sql-template-tag';
import { type HapiLayout, hapiTable } from './layout.ts';
import type { SourceNeeds } from './source-needs.ts';

/** Texts that SQL cannot unpack, read beforehand by `compressedResources`. A null text is one that could not be unpacked. */
export interface CompressedTexts {
  readonly resIds: readonly string[];
  readonly texts: readonly (string | null)[];
}

/**
 * The current resources of a type as one relation `res_id bigint, id text, body text, meta jsonb`: the version whose
 * `(res_id, res_ver)` are those of `hfj_resource`, not deleted. `id` and `meta` are null unless needed.
 * A resource without a readable body is left out; a gzipped one that is not in `compressed` makes the statement fail,
 * and `isCompressedMissing` recognizes that failure: nothing is lost in silence.
 * @param restriction a condition on `r` (hfj_resource), made by the functions of restrictions.ts.
 */
export function currentResources(
  layout: HapiLayout,
  resourceType: string,
  needs: SourceNeeds,
  restriction?: Sql,
  compressed?: CompressedTexts,
): Sql {
  const given = compressed !== undefined && compressed.resIds.length > 0 && layout.largeObjects;
  const supplied = given
    ? sql` left join unnest(${compressed.resIds}::bigint[], ${compressed.texts}::text[]) as c (res_id, body) on c.res_id = r.res_id`
    : empty;
  return sql`select r.res_id::bigint as res_id, ${idColumn(layout, needs)} as id, ${bodyColumn(layout, given)} as body, ${metaColumn(layout, needs)} as meta
    from ${currentVersions(layout, needs)}${supplied}
    where ${isCurrent(resourceType, restriction)} and ${hasBody(layout, given)}`;
}

/** `hfj_resource r` with its current version `v`, and what the id (`f`) and the source (`p`) need. */
export function currentVersions(layout: HapiLayout, needs: SourceNeeds): Sql {
  const forced = layout.forcedId && (needs.id || needs.whole);
  const provenance = layout.sourceUri === 'provenance' && (needs.meta.version || needs.whole);
  return sql`${hapiTable(layout, 'hfj_resource')} r
    join ${hapiTable(layout, 'hfj_res_ver')} v on v.res_id = r.res_id and v.res_ver = r.res_ver${
      forced ? sql` left join ${hapiTable(layout, 'hfj_forced_id')} f on f.resource_pid = r.res_id` : empty
    }${provenance ? sql` left join ${hapiTable(layout, 'hfj_res_ver_prov')} p on p.res_ver_pid = v.pid` : empty}`;
}

export function isCurrent(resourceType: string, restriction?: Sql): Sql {
  const condition = sql`r.res_type = ${resourceType} and r.res_deleted_at is null`;
  return restriction === undefined ? condition : sql`${condition} and (${restriction})`;
}

/** The resource's FHIR id; expects `f` where the layout has forced ids. */
export function idColumn(layout: HapiLayout, needs: SourceNeeds): Sql {
  if (!needs.id && !needs.whole) return sql`null::text`;
  const sources = [
    ...(layout.fhirId ? [sql`r.fhir_id::text`] : []),
    ...(layout.forcedId ? [sql`f.forced_id::text`] : []),
    sql`r.res_id::text`,
  ];
  return sql`coalesce(${join(sources)})`;
}

/** `meta` as jsonb, with the parts that are needed; absent parts are absent, not null. */
export function metaColumn(layout: HapiLayout, needs: SourceNeeds): Sql {
  const version = needs.meta.version || needs.whole;
  const tags = (needs.meta.tags || needs.whole) && layout.tags;
  if (!version && !tags) return sql`null::jsonb`;
  if (!tags) return sql`jsonb_strip_nulls(${versionMeta(layout)})`;
  return version
    ? sql`jsonb_strip_nulls(${versionMeta(layout)} || ${tagMeta(layout)})`
    : sql`jsonb_strip_nulls(${tagMeta(layout)})`;
}

/** `lastUpdated` as the server itself writes an instant; timestamps in the table are local times of its zone. */
function versionMeta(layout: HapiLayout): Sql {
  const sources = { version: sql`, 'source', v.source_uri`, provenance: sql`, 'source', p.source_uri`, none: empty };
  return sql`jsonb_build_object('versionId', r.res_ver::text, 'lastUpdated',
    to_char(r.res_updated at time zone ${layout.timeZone}::text at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"+00:00"')${
      sources[layout.sourceUri ?? 'none']
    })`;
}

/** tag_type as HAPI's TagTypeEnum. HAPI keeps no order; the definitions' keys make one that stays. */
function tagMeta(layout: HapiLayout): Sql {
  const optional = {
    version: layout.tagVersion ? sql`d.tag_version` : sql`null`,
    selected: layout.tagUserSelected ? sql`d.tag_user_selected` : sql`null`,
  };
  const coding = sql`jsonb_build_object('system', d.tag_system, 'version', ${optional.version}, 'code', d.tag_code,
      'display', d.tag_display, 'userSelected', ${optional.selected})`;
  return sql`(select jsonb_build_object('profile', jsonb_agg(d.tag_code) filter (where d.tag_type = 1),
      'security', jsonb_agg(${coding}) filter (where d.tag_type = 2), 'tag', jsonb_agg(${coding}) filter (where d.tag_type = 0))
    from (select d.* from ${hapiTable(layout, 'hfj_res_tag')} t join ${hapiTable(layout, 'hfj_tag_def')} d on d.tag_id = t.tag_id
      where t.res_id = r.res_id order by d.tag_id) d)`;
}

function bodyColumn(layout: HapiLayout, given: boolean): Sql {
  const inline = layout.inlineText ? sql`v.res_text_vc` : sql`null::text`;
  if (!layout.largeObjects) return inline;
  // The cast fails with this text; it names a column's value so that it cannot be folded while planning.
  const missing = sql`('viewmill-compressed-' || r.res_id)::int::text`;
  return sql`case when v.res_encoding = 'JSONC' then ${given ? sql`case when c.res_id is null then ${missing} else c.body end` : missing}
    else coalesce(${inline}, convert_from(lo_get(v.res_text), 'UTF8')) end`;
}

function hasBody(layout: HapiLayout, given: boolean): Sql {
  const inline = layout.inlineText ? sql`v.res_text_vc is not null` : sql`false`;
  if (!layout.largeObjects) return inline;
  const readable = sql`(${inline} or ${largeObjectExists})`;
  return given ? sql`(${readable} and (c.res_id is null or c.body is not null))` : readable;
}

/** `lo_get` of a large object that is not there would end the whole statement. */
export const largeObjectExists = sql`exists (select from pg_catalog.pg_largeobject_metadata m where m.oid = v.res_text)`;

/** Whether a statement failed because a gzipped resource was not handed to `currentResources`: read them and try again. */
export function isCompressedMissing(error: unknown): boolean {
  return error instanceof Error && error.message.includes('"viewmill-compressed-');
}
