import { ident, ViewmillError } from '@viewmill/contracts';
import type { Sql } from 'sql-template-tag';
import sql from 'sql-template-tag';
import type { Queryable } from './queryable.ts';

/** What a HAPI database looks like: plain data, found once at start by {@link detectHapi}. */
export interface HapiLayout {
  /** Schema of the HAPI tables. */
  readonly schema: string;
  /** IANA zone of the HAPI server's JVM: `res_updated` is a local time in it. */
  readonly timeZone: string;
  /** `hfj_resource.fhir_id` exists (HAPI 6.6 and later). */
  readonly fhirId: boolean;
  /** `hfj_forced_id` has to be asked for ids: it has rows, or there is no `fhir_id`. */
  readonly forcedId: boolean;
  /** `hfj_res_ver.res_text_vc` exists. */
  readonly inlineText: boolean;
  /** `hfj_res_ver.res_text` exists: the oid of a large object. */
  readonly largeObjects: boolean;
  /** Where `meta.source` is kept. */
  readonly sourceUri: 'version' | 'provenance' | null;
  /** Tables of tags exist. */
  readonly tags: boolean;
  /** `hfj_tag_def.tag_version` and `.tag_user_selected` exist (HAPI 6 and later). */
  readonly tagVersion: boolean;
  readonly tagUserSelected: boolean;
  /** `hfj_res_link` exists; it may still be empty. */
  readonly links: boolean;
  /** `hfj_spidx_token` and `hfj_spidx_date` exist, with hashes; they may still be empty. */
  readonly tokenIndex: boolean;
  readonly dateIndex: boolean;
  /** `hfj_resource.partition_id` exists; resources of every partition are read. */
  readonly partitions: boolean;
  /** What this version lacks and what follows; for the log and the doctor. */
  readonly notices: readonly string[];
}

/** A HAPI table of this database, quoted. */
export function hapiTable(layout: Pick<HapiLayout, 'schema'>, name: string): Sql {
  return ident(layout.schema, name);
}

/**
 * Looks at the catalog for which HAPI tables and columns exist.
 * @throws ViewmillError VM3004 if the schema has no `hfj_resource` and `hfj_res_ver`, VM3005 for an unknown time zone.
 */
export async function detectHapi(
  client: Queryable,
  settings: { readonly schema: string; readonly timeZone: string },
): Promise<HapiLayout> {
  const found = await client.query<{ name: string; columns: string[] }>(sql`
    select c.relname as name, array_agg(a.attname::text) as columns
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where n.nspname = ${settings.schema} and c.relkind in ('r', 'p', 'v', 'm', 'f') and c.relname like 'hfj\\_%'
    group by c.relname`);
  const tables = new Map(found.rows.map((row) => [row.name, new Set(row.columns)]));
  const has = (table: string, ...columns: string[]): boolean =>
    columns.every((column) => tables.get(table)?.has(column) === true);

  if (!has('hfj_resource', 'res_id', 'res_type', 'res_ver', 'res_updated', 'res_deleted_at'))
    throw notHapi(settings.schema, 'hfj_resource');
  if (!has('hfj_res_ver', 'res_id', 'res_ver', 'res_encoding')) throw notHapi(settings.schema, 'hfj_res_ver');
  await checkTimeZone(client, settings.timeZone);

  const fhirId = has('hfj_resource', 'fhir_id');
  const forcedIdTable = has('hfj_forced_id', 'resource_pid', 'forced_id');
  const layout = {
    schema: settings.schema,
    timeZone: settings.timeZone,
    fhirId,
    forcedId: forcedIdTable && (!fhirId || (await hasRows(client, hapiTable(settings, 'hfj_forced_id')))),
    inlineText: has('hfj_res_ver', 'res_text_vc'),
    largeObjects: has('hfj_res_ver', 'res_text'),
    sourceUri: sourceUriPlace(has),
    tags: has('hfj_res_tag', 'res_id', 'tag_id') && has('hfj_tag_def', 'tag_id', 'tag_type', 'tag_code'),
    tagVersion: has('hfj_tag_def', 'tag_version'),
    tagUserSelected: has('hfj_tag_def', 'tag_user_selected'),
    links: has('hfj_res_link', 'src_resource_id', 'src_path', 'target_resource_id'),
    tokenIndex: has('hfj_spidx_token', 'res_id', 'hash_identity', 'hash_value', 'hash_sys', 'sp_value', 'sp_system'),
    dateIndex: has('hfj_spidx_date', 'res_id', 'hash_identity', 'sp_value_low', 'sp_value_high'),
    partitions: has('hfj_resource', 'partition_id'),
  };
  if (!layout.inlineText && !layout.largeObjects) throw notHapi(settings.schema, 'hfj_res_ver with res_text or res_text_vc');
  return { ...layout, notices: notices(layout) };
}

function sourceUriPlace(has: (table: string, ...columns: string[]) => boolean): HapiLayout['sourceUri'] {
  if (has('hfj_res_ver', 'source_uri')) return 'version';
  return has('hfj_res_ver', 'pid') && has('hfj_res_ver_prov', 'res_ver_pid', 'source_uri') ? 'provenance' : null;
}

function notices(layout: Omit<HapiLayout, 'notices'>): string[] {
  const list: string[] = [];
  if (!layout.fhirId && layout.forcedId)
    list.push('hfj_resource has no fhir_id (HAPI before 6.6): ids come from hfj_forced_id, else they are res_id');
  if (!layout.fhirId && !layout.forcedId) list.push('neither hfj_resource.fhir_id nor hfj_forced_id: every id is the res_id');
  if (layout.fhirId && layout.forcedId) list.push('hfj_forced_id is in use (HAPI before 7): it is asked where fhir_id is empty');
  if (!layout.inlineText)
    list.push('hfj_res_ver has no res_text_vc: every resource is read from a large object, which is slower');
  if (layout.sourceUri === 'provenance') list.push('hfj_res_ver has no source_uri: meta.source is read from hfj_res_ver_prov');
  if (layout.sourceUri === null) list.push('no source_uri is stored: meta.source is empty');
  if (!layout.tags) list.push('hfj_res_tag or hfj_tag_def is missing: meta.profile, meta.tag and meta.security are empty');
  if (!layout.links) list.push('hfj_res_link is missing: queries for one patient on the fly read every resource of the type');
  return list;
}

function notHapi(schema: string, missing: string): ViewmillError {
  return new ViewmillError('VM3004', `schema ${schema} has no table ${missing} as HAPI FHIR writes it`, { at: schema });
}

async function hasRows(client: Queryable, table: Sql): Promise<boolean> {
  const answer = await client.query<{ found: boolean }>(sql`select exists (select from ${table}) as found`);
  return answer.rows[0]?.found === true;
}

async function checkTimeZone(client: Queryable, timeZone: string): Promise<void> {
  const answer = await client.query<{ found: boolean }>(
    sql`select exists (select from pg_catalog.pg_timezone_names where lower(name) = lower(${timeZone})) as found`,
  );
  if (answer.rows[0]?.found !== true)
    throw new ViewmillError('VM3005', 'FHIR_TIME_ZONE: not a time zone that PostgreSQL knows', { at: 'FHIR_TIME_ZONE' });
}
