import { currentKeys, differingKeys, type HapiLayout, keyColumns, keysHaveTags, readKeys } from '@viewmill/fhir-source';
import type { ViewPlan } from '@viewmill/views';
import type { PoolClient } from 'pg';
import sql, { join, raw, type Sql } from 'sql-template-tag';
import { copySink } from './copy-sink.ts';

/** The key of a resource that has to be looked at. */
export interface ChangedKey {
  readonly resId: string;
  /** Null: it is not there (any more). */
  readonly resVer: string | null;
  readonly tags: string | null;
}

/** Whose keys, and where those of the generation are. */
export interface KeyPlace {
  readonly reader: PoolClient;
  readonly client: PoolClient;
  readonly layout: HapiLayout;
  readonly plan: ViewPlan;
  readonly versions: Sql;
}

/** For the one statement that compares; 1 000 000 keys take 60 MB. */
const COMPARE_MEMORY = '128MB';

interface KeyRow {
  readonly res_id: string;
  readonly res_ver: string | null;
  readonly tags?: string | null;
}

/** Copies the keys of every current resource (or of those that the restriction on `r` admits), as the reader's snapshot has them, into a table of the client's database. */
export async function copyKeys(
  { reader, client, layout, plan }: KeyPlace,
  into: Sql,
  frozen: boolean,
  restriction?: Sql,
): Promise<void> {
  const columns = join(keyColumns(layout, plan.needs).map((column) => raw(column)));
  const options = frozen ? sql`(format binary, freeze)` : sql`(format binary)`;
  const sink = copySink(client, sql`copy ${into} (${columns}) from stdin with ${options}`);
  try {
    for await (const bytes of readKeys(reader, layout, plan.resource, plan.needs, restriction)) await sink.write(bytes as Buffer);
    await sink.end();
  } catch (error) {
    await sink.fail();
    throw error;
  }
}

/**
 * The keys that differ between the source and the generation, by comparing all of them: exact, whatever happened in between, and
 * without reading a resource. Both sides are one database, or the source's keys are copied beside the generation's first.
 * @param limit keys at most; one more tells that there are more. The client is in a transaction.
 */
export async function compareAllKeys(place: KeyPlace, sameDatabase: boolean, limit: number): Promise<readonly ChangedKey[]> {
  const { reader, client, layout, plan } = place;
  // A hash of all keys that does not fit is written to disk in parts: for a million keys a third of the time.
  await reader.query(sql`select set_config('work_mem', ${COMPARE_MEMORY}, true)`);
  if (sameDatabase) return differing(reader, place, currentKeys(layout, plan.resource, plan.needs), limit);
  const tagged = keysHaveTags(layout, plan.needs);
  await client.query(
    sql`create temporary table _viewmill_keys (res_id bigint, res_ver bigint${raw(tagged ? ', tags text' : '')}) on commit drop`,
  );
  await copyKeys(place, sql`_viewmill_keys`, false);
  return differing(client, place, sql`table _viewmill_keys`, limit);
}

async function differing(
  client: PoolClient,
  { layout, plan, versions }: KeyPlace,
  source: Sql,
  limit: number,
): Promise<readonly ChangedKey[]> {
  const { rows } = await client.query<KeyRow>(sql`
    select res_id::text, res_ver::text${raw(keysHaveTags(layout, plan.needs) ? ', tags' : '')}
    from (${differingKeys(source, versions, layout, plan.needs)}) d limit ${limit + 1}::bigint`);
  return rows.map(toKey);
}

/** The same among these resources only. */
export async function compareSomeKeys(place: KeyPlace, resIds: readonly string[]): Promise<readonly ChangedKey[]> {
  if (resIds.length === 0) return [];
  const { reader, client, layout, plan, versions } = place;
  const now = await reader.query<KeyRow>(
    currentKeys(layout, plan.resource, plan.needs, sql`r.res_id = any (${resIds}::bigint[])`),
  );
  const before = await client.query<KeyRow>(sql`select * from ${versions} where res_id = any (${resIds}::bigint[])`);
  const known = new Map(before.rows.map((row) => [row.res_id, row]));
  const changed: ChangedKey[] = [];
  for (const row of now.rows) {
    const old = known.get(row.res_id);
    known.delete(row.res_id);
    if (old === undefined || old.res_ver !== row.res_ver || (old.tags ?? null) !== (row.tags ?? null)) changed.push(toKey(row));
  }
  // What is left is not in the source any more.
  for (const resId of known.keys()) changed.push({ resId, resVer: null, tags: null });
  return changed;
}

function toKey({ res_id, res_ver, tags }: KeyRow): ChangedKey {
  return { resId: res_id, resVer: res_ver, tags: tags ?? null };
}
