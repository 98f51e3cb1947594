import { deleteResource, metaAdd, putResource, useDatabase } from '@viewmill/testkit';
import type pg from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import { beginSharded, buildShard, finishSharded, type RefreshOptions } from '../src/index.ts';
import { code, generationTables, rowsOf, SCHEMA, viewOf, type Workshop, withClient, workshop } from './setup.ts';

const source = useDatabase('demo');
const other = useDatabase('empty');
const columns = [
  { name: 'gender', path: 'gender' },
  { name: 'version', path: 'meta.versionId' },
  { name: 'tags', path: 'meta.tag.code', collection: true },
];
const plan = (name: string) => viewOf(name, 'Patient', columns);

describe.each(['the same database', 'another database'])('a sharded build, with the views in %s', (where) => {
  let shop: Workshop;
  let target: pg.Pool;
  beforeAll(async () => {
    target = where === 'the same database' ? source.pool : other.pool;
    shop = await workshop(source.pool, target);
  });
  const options = (name: string, as = plan(name)): RefreshOptions => {
    const { catalog, layout } = shop;
    return { source: source.pool, target, catalog, layout, name, plan: as, reason: 'request' };
  };
  const change = (work: (client: pg.PoolClient) => Promise<unknown>) => withClient(source.pool, work);
  const put = (id: string, gender: string) =>
    change((client) => putResource(client, { type: 'Patient', id, json: { resourceType: 'Patient', gender } }));
  const contents = (view: string) => rowsOf(target, `select * from ${SCHEMA}.${view} order by id`);
  const records = () =>
    rowsOf(target, `select shard, rows, done_at from ${SCHEMA}._shard where done_at is not null order by shard`);

  test('equals an unsharded one, whatever changed after the shards were read', async () => {
    for (const id of ['s-1', 's-2', 's-3']) await put(id, 'male');
    const view = options('sharded');
    const begun = await beginSharded(view, 4);
    expect(begun?.missing.length).toBeGreaterThan(2);
    const { generation, missing } = begun ?? { generation: { id: 0, relation: '' }, missing: [] };
    expect(await code(finishSharded(view))).toBe('VM3051');
    await Promise.all(missing.slice(1).map((shard) => buildShard(view, generation, shard)));
    const records1 = await records();
    expect(await beginSharded(view, 4)).toEqual({ generation, missing: [missing[0]], joined: true });
    expect(await buildShard(view, generation, missing[1] ?? 0)).toBe(false);
    expect(await records()).toEqual(records1);
    expect(await buildShard(view, generation, missing[0] ?? 0)).toBe(true);

    await put('s-1', 'female');
    await put(`s-new-${target === source.pool}`, 'other');
    await change((client) => deleteResource(client, 'Patient', 's-2'));
    await change((client) => metaAdd(client, 'Patient', 's-3', { system: 'urn:t', code: `seen ${where}` }));
    const result = await finishSharded(view);
    await shop.refresh(plan('whole'), { mode: 'full' });
    const rows = await contents('sharded');
    expect(rows).toEqual(await contents('whole'));
    expect(result).toMatchObject({ mode: 'full', rows: rows.length, resources: rows.length, generation: generation.id });
    expect(await records()).toEqual([]);
    expect(await shop.refresh(view.plan)).toMatchObject({ mode: 'delta', changed: 0, rows: rows.length });
  });

  test('an interrupted shard leaves nothing and is built anew', async () => {
    const view = options('interrupted');
    const begun = await beginSharded(view, 4);
    const generation = begun?.generation ?? { id: 0, relation: '' };
    const abort = new AbortController();
    const onProgress = (): void => abort.abort();
    expect(await code(buildShard({ ...view, signal: abort.signal, onProgress }, generation, 0))).toBe('VM3006');
    expect(await rowsOf(target, `select from ${SCHEMA}."${generation.relation}"`)).toEqual([]);
    for (const shard of begun?.missing ?? []) expect(await buildShard(view, generation, shard)).toBe(true);
    await finishSharded(view);
    expect((await contents('interrupted')).length).toBe((await contents('whole')).length);
  });

  test('another definition takes its place, and so does a refresh that is not sharded', async () => {
    const first = await beginSharded(options('changing'), 4);
    const changed = options('changing', viewOf('changing', 'Patient', [{ name: 'sex', path: 'gender' }]));
    const second = await beginSharded(changed, 4);
    expect(second?.joined).toBe(false);
    const old = first?.generation ?? { id: 0, relation: '' };
    expect(await code(buildShard(options('changing'), old, 0))).toBe('VM3050');
    await shop.refresh(changed.plan);
    expect(await code(finishSharded(changed))).toBe('VM3050');
    const tables = await generationTables(target);
    expect(tables.filter((name) => String(name).endsWith('_changing'))).toHaveLength(1);
  });

  test('goes on from where the final step was interrupted', async () => {
    const view = options('resumed');
    const { generation, missing } = (await beginSharded(view, 4)) ?? { generation: { id: 0, relation: '' }, missing: [] };
    for (const shard of missing) await buildShard(view, generation, shard);
    await put('s-3', 'unknown');
    const abort = new AbortController();
    const onProgress: RefreshOptions['onProgress'] = ({ phase }) => (phase === 'comparing' ? abort.abort() : undefined);
    expect(await code(finishSharded({ ...view, signal: abort.signal, onProgress }))).toBe('VM3006');
    expect(await beginSharded(view, 4)).toEqual({ generation, missing: [], joined: true });
    await put('s-3', 'male');
    const { rows } = await finishSharded(view);
    expect(await contents('resumed')).toHaveLength(rows);
    await shop.refresh(plan('whole'), { mode: 'full' });
    expect(await contents('resumed')).toEqual(await contents('whole'));
  });

  test('begins anew after the FHIR database was replaced', async () => {
    const view = options('replaced');
    const { generation, missing } = (await beginSharded(view, 4)) ?? { generation: { id: 0, relation: '' }, missing: [] };
    for (const shard of missing) await buildShard(view, generation, shard);
    await target.query(`update ${SCHEMA}._sharded set source_key = 'another'`);
    expect(await code(finishSharded(view))).toBe('VM3052');
    expect(await generationTables(target)).not.toContain(generation.relation);
    expect((await shop.catalog.history('replaced'))[0]).toMatchObject({ outcome: 'failed' });
    expect((await beginSharded(view, 4))?.joined).toBe(false);
  });

  test('is not for few resources, nor where switched off', async () => {
    expect(await beginSharded(options('small'), 1_000_000)).toBeNull();
    expect(await beginSharded(options('small'), 0)).toBeNull();
  });
});
