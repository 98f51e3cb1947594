import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { ident } from '@viewmill/contracts';
import type pg from 'pg';
import sql, { type Sql } from 'sql-template-tag';
import { replaceLinks } from './hapi-links.ts';
import { hasColumn, hasTable, insertRow, nextPid, one } from './hapi-rows.ts';
import { addTag, type HapiTag, tagsOf } from './hapi-tags.ts';

/**
 * Changes of a HAPI database, made by SQL as the server makes them, for schema versions 6.6 and 8.8. Each call is one transaction, or part of
 * the caller's if one is open on the client. Not written: the search indexes `hfj_spidx_*` of new content (links of patients and encounters are).
 */
export interface PutOptions {
  readonly type: string;
  readonly id: string;
  /** An object: `id` and `meta` are taken off, as HAPI does, and the tags, labels and profiles of `meta` added. A text is stored as it is. */
  readonly json: string | Readonly<Record<string, unknown>>;
  /** `large-object`: gzip in a large object (JSONC), as old servers do; default: text in the row. */
  readonly storage?: 'inline' | 'large-object';
  /** What the server's clock said; default now. */
  readonly updated?: Date;
  /** Further tags; those the resource has already are kept, as HAPI does. */
  readonly tags?: readonly HapiTag[];
  readonly sourceUri?: string;
}

export interface PutOutcome {
  readonly resId: string;
  readonly version: number;
  /** `unchanged`: equal content adds no version. */
  readonly outcome: 'created' | 'updated' | 'recreated' | 'unchanged';
}

interface Current {
  readonly res_id: string;
  readonly res_ver: string;
  readonly deleted: boolean;
  readonly text: string | null;
  readonly lob: Buffer | null;
}

/** PUT: creates, updates, or creates again after a delete (the version goes on counting). */
export function putResource(client: pg.ClientBase, options: PutOptions): Promise<PutOutcome> {
  return inTransaction(client, async () => {
    const { type, id } = options;
    const text = storedText(options.json);
    const updated = timestamp(options.updated);
    const current = await findCurrent(client, type, id);
    if (current !== null && !current.deleted && storedTextOf(current) === text) {
      return { resId: current.res_id, version: Number(current.res_ver), outcome: 'unchanged' };
    }
    const resId = current?.res_id ?? (await nextPid(client, 'hfj_resource', 'res_id'));
    const version = current === null ? 1 : Number(current.res_ver) + 1;
    const typeId = await resourceTypeId(client, type);
    if (current === null) {
      await insertRow(client, 'hfj_resource', {
        res_id: resId,
        fhir_id: id,
        res_type: type,
        res_type_id: typeId,
        res_ver: version,
        res_version: 'R4',
        res_published: updated,
        res_updated: updated,
        hash_sha256: sha256(text),
      });
      if (await usesForcedIds(client)) await addForcedId(client, resId, type, id);
    }
    await insertVersion(client, {
      resId,
      type,
      typeId,
      version,
      updated,
      text,
      storage: options.storage ?? 'inline',
      sourceUri: options.sourceUri,
    });
    if (current !== null) await moveToVersion(client, current, { version, updated, hash: sha256(text), deletedAt: null });
    await replaceLinks(client, { resId, type, typeId, text, updated });
    for (const tag of [...tagsOf(options.json), ...(options.tags ?? [])]) await addTag(client, { resId, type, typeId }, tag);
    return { resId, version, outcome: current === null ? 'created' : current.deleted ? 'recreated' : 'updated' };
  });
}

/** DELETE: a version row `DEL` without text; tags stay, indexes go. @returns the new version; null if there is nothing alive to delete. */
export function deleteResource(
  client: pg.ClientBase,
  type: string,
  id: string,
  options: { readonly updated?: Date } = {},
): Promise<number | null> {
  return inTransaction(client, async () => {
    const current = await findCurrent(client, type, id);
    if (current === null || current.deleted) return null;
    const updated = timestamp(options.updated);
    const version = Number(current.res_ver) + 1;
    const typeId = await resourceTypeId(client, type);
    await insertVersion(client, {
      resId: current.res_id,
      type,
      typeId,
      version,
      updated,
      text: null,
      storage: 'inline',
      sourceUri: undefined,
    });
    await moveToVersion(client, current, { version, updated, hash: null, deletedAt: updated });
    await replaceLinks(client, { resId: current.res_id, type, typeId, text: '{}', updated });
    for (const table of ['hfj_spidx_token', 'hfj_spidx_date', 'hfj_spidx_string', 'hfj_spidx_quantity']) {
      if (await hasTable(client, table)) await client.query(sql`delete from ${ident(table)} where res_id = ${current.res_id}`);
    }
    return version;
  });
}

/** `$meta-add`: tag rows only; neither `res_ver` nor `res_updated` moves. @throws Error if the resource is not there. */
export function metaAdd(client: pg.ClientBase, type: string, id: string, tag: HapiTag): Promise<void> {
  return inTransaction(client, async () => {
    const current = await findCurrent(client, type, id);
    if (current === null) throw new Error(`no ${type}/${id}`);
    await addTag(client, { resId: current.res_id, type, typeId: await resourceTypeId(client, type) }, tag);
  });
}

async function inTransaction<T>(client: pg.ClientBase, work: () => Promise<T>): Promise<T> {
  if ((client as pg.Client).getTransactionStatus() === 'T') return work();
  await client.query('begin');
  try {
    const result = await work();
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}

async function findCurrent(client: pg.ClientBase, type: string, id: string): Promise<Current | null> {
  return one<Current>(
    client,
    sql`select r.res_id, r.res_ver, r.res_deleted_at is not null as deleted, v.res_text_vc as text,
               case when v.res_text is not null then lo_get(v.res_text) end as lob
          from hfj_resource r left join hfj_res_ver v on v.res_id = r.res_id and v.res_ver = r.res_ver
         where r.res_type = ${type} and ${await idMatches(client, id)}`,
  );
}

/** Servers before 7 have the id in hfj_forced_id, or none: then it is the number. Later ones keep that table, empty. */
async function idMatches(client: pg.ClientBase, id: string): Promise<Sql> {
  if (!(await usesForcedIds(client))) return sql`r.fhir_id = ${id}`;
  return sql`coalesce((select f.forced_id from hfj_forced_id f where f.resource_pid = r.res_id), r.fhir_id, r.res_id::text) = ${id}`;
}

async function usesForcedIds(client: pg.ClientBase): Promise<boolean> {
  // res_type_id came with version 8, source_uri on the version row with 7.
  return (await hasTable(client, 'hfj_forced_id')) && !(await hasColumn(client, 'hfj_res_ver', 'source_uri'));
}

async function insertVersion(
  client: pg.ClientBase,
  row: {
    readonly resId: string;
    readonly type: string;
    readonly typeId: number | null;
    readonly version: number;
    readonly updated: string;
    readonly text: string | null;
    readonly storage: 'inline' | 'large-object';
    readonly sourceUri: string | undefined;
  },
): Promise<void> {
  const asLargeObject = row.text !== null && row.storage === 'large-object';
  const lob = asLargeObject
    ? await one<{ oid: string }>(client, sql`select lo_from_bytea(0, ${gzipSync(row.text ?? '')}) as oid`)
    : null;
  const published = await one<{ at: string; has_tags: boolean }>(
    client,
    sql`select res_published::text as at, has_tags from hfj_resource where res_id = ${row.resId}`,
  );
  const pid = await nextPid(client, 'hfj_res_ver', 'pid');
  await insertRow(client, 'hfj_res_ver', {
    pid,
    res_id: row.resId,
    res_type: row.type,
    res_type_id: row.typeId,
    res_ver: row.version,
    res_version: 'R4',
    res_published: published?.at ?? row.updated,
    res_updated: row.updated,
    res_deleted_at: row.text === null ? row.updated : null,
    res_encoding: row.text === null ? 'DEL' : asLargeObject ? 'JSONC' : 'JSON',
    res_text_vc: asLargeObject ? null : row.text,
    res_text: lob?.oid ?? null,
    has_tags: published?.has_tags ?? false,
    source_uri: row.sourceUri ?? null,
  });
  // Servers that have the column on the version row keep the other table for old versions only.
  if (row.sourceUri !== undefined && !(await hasColumn(client, 'hfj_res_ver', 'source_uri'))) {
    await insertRow(client, 'hfj_res_ver_prov', { res_ver_pid: pid, res_pid: row.resId, source_uri: row.sourceUri });
  }
}

/** The optimistic lock: whoever comes second with the same version finds no row. */
async function moveToVersion(
  client: pg.ClientBase,
  current: Current,
  to: { readonly version: number; readonly updated: string; readonly hash: string | null; readonly deletedAt: string | null },
): Promise<void> {
  const { rowCount } = await client.query(
    sql`update hfj_resource set res_ver = ${to.version}, res_updated = ${to.updated}, hash_sha256 = ${to.hash}, res_deleted_at = ${to.deletedAt}
         where res_id = ${current.res_id} and res_ver = ${current.res_ver}`,
  );
  if (rowCount !== 1)
    throw new Error(`version conflict: version ${current.res_ver} of resource ${current.res_id} is not the current one any more`);
}

async function addForcedId(client: pg.ClientBase, resId: string, type: string, id: string): Promise<void> {
  if (id === resId) return; // assigned by the server
  const pid = await nextPid(client, 'hfj_forced_id', 'pid');
  await insertRow(client, 'hfj_forced_id', { pid, forced_id: id, resource_pid: resId, resource_type: type });
}

async function resourceTypeId(client: pg.ClientBase, type: string): Promise<number | null> {
  if (!(await hasTable(client, 'hfj_resource_type'))) return null;
  return (
    (await one<{ id: number }>(client, sql`select res_type_id as id from hfj_resource_type where res_type = ${type}`))?.id ?? null
  );
}

function storedText(json: PutOptions['json']): string {
  if (typeof json === 'string') return json;
  const { id: _id, meta: _meta, ...stored } = json;
  return JSON.stringify(stored);
}

function storedTextOf(current: Current): string | null {
  return current.text ?? (current.lob === null ? null : gunzipSync(current.lob).toString('utf8'));
}

/** res_updated has no zone; the dumps' servers ran in UTC. */
function timestamp(date = new Date()): string {
  return date.toISOString().slice(0, -1);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
