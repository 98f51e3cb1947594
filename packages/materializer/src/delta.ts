import type { GenerationTables, Served } from '@viewmill/catalog';
import {
  changedSince,
  isEverything,
  isSameDatabase,
  keysHaveTags,
  type LiveState,
  liveState,
  sourceKey,
  sourceState,
} from '@viewmill/fhir-source';
import type { PoolClient } from 'pg';
import sql, { type Sql } from 'sql-template-tag';
import { type Copied, copyRows, nothingCopied } from './copy-rows.ts';
import type { CopySink } from './copy-sink.ts';
import { tablesOf } from './generation-table.ts';
import { type ChangedKey, compareAllKeys, compareSomeKeys, type KeyPlace } from './keys.ts';
import type { RefreshOptions } from './options.ts';
import { rowsSink } from './rows-sink.ts';

/** Reading one by index costs about five times its share of a full build, which then also has indexes to make and a table to swap. */
const SHARE = 0.2;
/** As many are always done as a delta. */
const FEW = 1000;
/** Resources that one statement reads. */
const CHUNK = 5000;

/** What has to be done, found in one snapshot of the source. */
export interface Delta {
  readonly mode: 'delta' | 'live';
  readonly why: string;
  readonly keys: readonly ChangedKey[];
  readonly asOf: string;
  readonly live: LiveState | null;
}

/** A delta, or why there cannot be one. */
export type DeltaPlan = Delta | { readonly mode: 'full'; readonly why: string };

/**
 * Finds what differs between the generation and the reader's snapshot. Live capture, where it covers the time since the
 * generation's, names the candidates; their keys decide, so that what was noted twice is not done twice. Else all keys are compared.
 * @param client in a transaction of the target.
 */
export async function planDelta(
  reader: PoolClient,
  client: PoolClient,
  options: RefreshOptions,
  served: Served,
): Promise<DeltaPlan> {
  const { plan, layout, catalog, onProgress } = options;
  const { asOf } = await sourceState(reader);
  if ((await sourceKey(reader, layout)) !== served.basis?.sourceKey)
    return { mode: 'full', why: 'the FHIR database, or how it is read, is another than before' };
  onProgress?.({ phase: 'comparing', resources: 0, rows: 0 });
  const limit = Math.max(FEW, Math.floor(served.resources * SHARE));
  const place: KeyPlace = { reader, client, layout, plan, versions: tablesOf(catalog.schema, served.generation).versions };
  const live = await liveState(reader, catalog.schema, layout);
  const noted = options.mode === 'delta' ? null : await notedSince(reader, options, served, live, limit);
  const keys =
    noted === null
      ? await compareAllKeys(place, await isSameDatabase(options.source, options.target), limit)
      : await compareSomeKeys(place, noted);
  if (keys.length > limit) {
    const { resources } = served;
    return { mode: 'full', why: `more than ${limit} of ${resources} resources changed: reading all is faster` };
  }
  if (noted !== null) return { mode: 'live', why: `live capture noted ${noted.length} resources`, keys, asOf, live };
  return { mode: 'delta', why: `all keys compared: ${whyNotLive(options, served, live)}`, keys, asOf, live };
}

/** Candidates of live capture; null where it does not tell everything, or too many. */
async function notedSince(
  reader: PoolClient,
  { plan, catalog }: RefreshOptions,
  { basis }: Served,
  live: LiveState | null,
  limit: number,
): Promise<readonly string[] | null> {
  const before = basis?.live ?? null;
  if (live === null || before === null || before.epoch !== live.epoch) return null;
  const noted = changedSince(catalog.schema, plan.resource, before.xmin);
  const { rows } = await reader.query<{ res_id: string }>(sql`${noted} limit ${limit + 1}::bigint`);
  if (rows.length > limit || rows.some(({ res_id }) => isEverything(res_id))) return null;
  return rows.map(({ res_id }) => res_id);
}

function whyNotLive({ mode }: RefreshOptions, { basis }: Served, live: LiveState | null): string {
  if (mode === 'delta') return 'as asked';
  if (live === null) return 'live capture is off';
  return basis?.live?.epoch === live.epoch ? 'live capture noted too many' : 'live capture was switched on since';
}

export interface Applied extends Copied {
  /** What the view had more or fewer. */
  readonly rowsBefore: number;
  readonly resourcesBefore: number;
  readonly resourcesAfter: number;
}

/** Replaces the rows and keys of the changed resources. The client is in a transaction: readers see all of it or nothing. */
export async function applyDelta(
  reader: PoolClient,
  client: PoolClient,
  options: RefreshOptions,
  served: Served,
  { keys }: Delta,
): Promise<Applied> {
  const { plan, catalog } = options;
  const tables = tablesOf(catalog.schema, served.generation);
  const copied = nothingCopied();
  const there = keys.filter(({ resVer }) => resVer !== null);
  // The two connections work side by side: the first resources are read while the old rows go.
  const removing = removeRows(client, tables, keys);
  const opened = removing.then(() => rowsSink(client, tables, plan, false));
  const sink: CopySink = {
    write: async (bytes) => (await opened).write(bytes),
    end: async () => (await opened).end(),
    fail: async () => (await opened.catch(() => null))?.fail(),
  };
  try {
    for (const chunk of chunksOf(there)) {
      const ids = chunk.map(({ resId }) => resId);
      await copyRows(reader, sink, options, copied, sql`r.res_id = any (${ids}::bigint[])`);
    }
    await sink.end();
  } catch (error) {
    await sink.fail();
    throw error;
  }
  const { rowsBefore, resourcesBefore } = await removing;
  for (const chunk of chunksOf(there)) await insertKeys(client, options, tables.versions, chunk);
  return { ...copied, rowsBefore, resourcesBefore, resourcesAfter: there.length };
}

async function removeRows(
  client: PoolClient,
  tables: GenerationTables,
  keys: readonly ChangedKey[],
): Promise<{ rowsBefore: number; resourcesBefore: number }> {
  let [rowsBefore, resourcesBefore] = [0, 0];
  for (const chunk of chunksOf(keys)) {
    const ids = chunk.map(({ resId }) => resId);
    rowsBefore += (await client.query(sql`delete from ${tables.rows} where res_id = any (${ids}::bigint[])`)).rowCount ?? 0;
    resourcesBefore +=
      (await client.query(sql`delete from ${tables.versions} where res_id = any (${ids}::bigint[])`)).rowCount ?? 0;
  }
  return { rowsBefore, resourcesBefore };
}

function insertKeys(
  client: PoolClient,
  { layout, plan }: RefreshOptions,
  versions: Sql,
  keys: readonly ChangedKey[],
): Promise<unknown> {
  const ids = keys.map(({ resId }) => resId);
  const vers = keys.map(({ resVer }) => resVer);
  return client.query(
    keysHaveTags(layout, plan.needs)
      ? sql`insert into ${versions} (res_id, res_ver, tags)
          select * from unnest(${ids}::bigint[], ${vers}::bigint[], ${keys.map(({ tags }) => tags)}::text[])`
      : sql`insert into ${versions} (res_id, res_ver) select * from unnest(${ids}::bigint[], ${vers}::bigint[])`,
  );
}

function* chunksOf(keys: readonly ChangedKey[]): Generator<readonly ChangedKey[]> {
  for (let start = 0; start < keys.length; start += CHUNK) yield keys.slice(start, start + CHUNK);
}
