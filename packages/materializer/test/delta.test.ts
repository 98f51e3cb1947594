import { deleteResource, metaAdd, putResource, useDatabase } from '@viewmill/testkit';
import type pg from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import { rowsOf, viewOf, type Workshop, withClient, workshop } from './setup.ts';

const source = useDatabase('demo');
const other = useDatabase('empty');

const PLAN = viewOf('people', 'Patient', [{ name: 'gender', path: 'gender' }], {
  select: [
    {
      column: [
        { name: 'id', path: 'id' },
        { name: 'gender', path: 'gender' },
        { name: 'version', path: 'meta.versionId' },
      ],
    },
    { forEachOrNull: 'name', column: [{ name: 'family', path: 'family' }] },
  ],
});
const TAGGED = viewOf('tagged', 'Patient', [{ name: 'tags', path: 'meta.tag.code', collection: true }]);

const patient = (gender: string, ...families: string[]) => ({
  resourceType: 'Patient',
  gender,
  name: families.map((family) => ({ family })),
});

describe.each(['the same database', 'another database'])('a delta refresh, with the views in %s', (where) => {
  let shop: Workshop;
  let target: pg.Pool;
  beforeAll(async () => {
    target = where === 'the same database' ? source.pool : other.pool;
    shop = await workshop(source.pool, target);
  });
  const change = (work: (client: pg.PoolClient) => Promise<unknown>) => withClient(source.pool, work);
  const put = (id: string, json: Record<string, unknown> | string) =>
    change((client) => putResource(client, { type: 'Patient', id, json }));
  const contents = (view: string) =>
    rowsOf(target, `select * from sqlonfhir.${view} `).then((rows) => rows.map((row) => JSON.stringify(row)).sort());

  test('replaces the rows of what changed, and no others', async () => {
    await change((client) => deleteResource(client, 'Patient', 'd-4'));
    await put('d-1', patient('male', 'a', 'b'));
    await put('d-2', patient('female', 'c'));
    await put('d-3', patient('other', 'd'));
    const first = await shop.refresh(PLAN);
    expect(first).toMatchObject({ mode: 'full', why: 'the view is new', changed: first.resources });
    const untouched = await rowsOf(
      target,
      `select ctid::text, xmin::text from sqlonfhir."_g${first.generation}_people" order by 1`,
    );

    expect(await shop.refresh(PLAN)).toMatchObject({ mode: 'delta', changed: 0, rows: first.rows, resources: first.resources });
    expect(
      await rowsOf(target, `select ctid::text, xmin::text from sqlonfhir."_g${first.generation}_people" order by 1`),
    ).toEqual(untouched);

    await put('d-1', patient('male', 'a'));
    await change((client) => deleteResource(client, 'Patient', 'd-2'));
    await put('d-4', patient('female', 'e', 'f', 'g'));
    const second = await shop.refresh(PLAN);
    expect(second).toMatchObject({ mode: 'delta', changed: 3, generation: first.generation, rows: first.rows + 1 });
    expect(second.resources).toBe(first.resources);
    expect(second.why).toContain('live capture is off');
    const mine = await rowsOf(target, `select id, gender, family from sqlonfhir.people where id like 'd-%' order by id, family`);
    expect(mine).toEqual([
      { id: 'd-1', gender: 'male', family: 'a' },
      { id: 'd-3', gender: 'other', family: 'd' },
      ...['e', 'f', 'g'].map((family) => ({ id: 'd-4', gender: 'female', family })),
    ]);
    // Created again under its old id: the version goes on counting.
    await put('d-2', patient('female', 'again'));
    expect(await shop.refresh(PLAN)).toMatchObject({ mode: 'delta', changed: 1 });
    const delta = await contents('people');
    expect(await shop.refresh(PLAN, { mode: 'full' })).toMatchObject({ mode: 'full', why: 'as asked' });
    expect(await contents('people')).toEqual(delta);
    const status = await shop.catalog.viewStatus('people');
    expect(status).toMatchObject({ revision: 5, row_count: delta.length });
    expect(await shop.catalog.history('people', 2)).toMatchObject([
      { mode: 'full', why: 'as asked', outcome: 'succeeded' },
      { mode: 'delta', changed: 1, outcome: 'succeeded' },
    ]);
  });

  test('sees a tag that was added, where the view reads tags: neither the version nor the time has moved', async () => {
    await put('t-1', patient('male'));
    await shop.refresh(TAGGED);
    await shop.refresh(PLAN);
    await change((client) => metaAdd(client, 'Patient', 't-1', { system: 'urn:x', code: `of ${where}` }));
    expect(await shop.refresh(PLAN)).toMatchObject({ mode: 'delta', changed: 0 });
    expect(await shop.refresh(TAGGED)).toMatchObject({ mode: 'delta', changed: 1 });
    const [row] = await rowsOf(target, `select tags from sqlonfhir.tagged where id = 't-1'`);
    expect(row?.['tags']).toContain(`of ${where}`);
    await change((client) =>
      client.query(`delete from hfj_res_tag where res_id = (select res_id from hfj_resource where fhir_id = 't-1')`),
    );
    expect(await shop.refresh(TAGGED)).toMatchObject({ mode: 'delta', changed: 1 });
    expect(await rowsOf(target, `select tags from sqlonfhir.tagged where id = 't-1'`)).toEqual([{ tags: [] }]);
  });

  test('another definition is built in full by itself, and so is what another source gave', async () => {
    await shop.refresh(PLAN);
    const { name } = PLAN;
    const changed = viewOf(name, 'Patient', [{ name: 'gender', path: 'gender' }]);
    expect(await shop.refresh(changed)).toMatchObject({ mode: 'full', why: expect.stringContaining('definition') });
    expect(await shop.refresh(changed)).toMatchObject({ mode: 'delta' });
    const elsewhere = { ...shop.layout, timeZone: 'Europe/Berlin' };
    expect(await shop.refresh(changed, { layout: elsewhere })).toMatchObject({
      mode: 'full',
      why: expect.stringContaining('another'),
    });
    await target.query(`update sqlonfhir._view set source_key = null where name = '${name}'`);
    expect(await shop.refresh(changed)).toMatchObject({ mode: 'full', why: expect.stringContaining('earlier version') });
    await target.query(`drop view sqlonfhir.${name}`);
    expect(await shop.refresh(changed)).toMatchObject({ mode: 'full', why: expect.stringContaining('removed') });
  });

  test('keeps the quarantine up to date', async () => {
    const plan = viewOf('sturdy', 'Patient', [{ name: 'family', path: 'name.first().family' }]);
    await put('q-1', patient('male', 'secret \u0000'));
    expect(await shop.refresh(plan)).toMatchObject({ quarantined: 1 });
    await put('q-2', patient('male', 'another \u0000'));
    const worse = await shop.refresh(plan);
    expect(worse).toMatchObject({ mode: 'delta', changed: 1, quarantined: 2 });
    await put('q-1', patient('male', 'fine'));
    expect(await shop.refresh(plan)).toMatchObject({ mode: 'delta', quarantined: 1, rows: worse.rows + 1 });
    expect(await shop.catalog.quarantined('sturdy')).toMatchObject([{ code: 'VM1203' }]);
    await change((client) => deleteResource(client, 'Patient', 'q-2'));
    expect(await shop.refresh(plan)).toMatchObject({ mode: 'delta', quarantined: 0 });
    expect(JSON.stringify(await shop.catalog.history('sturdy'))).not.toContain('secret');
    await change((client) => deleteResource(client, 'Patient', 'q-1'));
  });

  test('a resource that does not fit the definition leaves the rows as they are', async () => {
    const plan = viewOf('one_code', 'Basic', [{ name: 'code', path: 'code.coding.code' }]);
    const basic = (id: string, ...codes: string[]) =>
      change((client) =>
        putResource(client, {
          type: 'Basic',
          id,
          json: { resourceType: 'Basic', code: { coding: codes.map((code) => ({ code })) } },
        }),
      );
    await basic('o-1', where);
    await change((client) => deleteResource(client, 'Basic', 'o-2'));
    const { rows } = await shop.refresh(plan);
    await basic('o-1', 'one', 'two');
    await basic('o-2', 'other');
    await expect(shop.refresh(plan)).rejects.toMatchObject({ code: 'VM1201' });
    expect(await shop.catalog.viewStatus('one_code')).toMatchObject({ status: 'failed', row_count: rows });
    expect(await rowsOf(target, 'select code from sqlonfhir.one_code')).toEqual([{ code: where }]);
    await basic('o-1', 'two');
    expect(await shop.refresh(plan)).toMatchObject({ mode: 'delta', changed: 2, rows: rows + 1 });
    await change(async (client) => {
      for (const id of ['o-1', 'o-2']) await deleteResource(client, 'Basic', id);
    });
  });

  test('a transaction that commits late is not lost, though its time stamps are old', async () => {
    await shop.refresh(PLAN);
    const late = await source.pool.connect();
    const stamped = new Date(Date.now() - 3_600_000);
    const id = `late-${where.split(' ')[0]}`;
    try {
      await late.query('begin');
      await putResource(late, { type: 'Patient', id, json: patient('female', 'late'), updated: stamped });
      expect(await shop.refresh(PLAN)).toMatchObject({ changed: 0 });
      await late.query('commit');
    } finally {
      late.release();
    }
    expect(await shop.refresh(PLAN)).toMatchObject({ mode: 'delta', changed: 1 });
    expect(await rowsOf(target, `select family from sqlonfhir.people where id = '${id}'`)).toEqual([{ family: 'late' }]);
  });
});

test('where too much changed, all is read', async () => {
  const shop = await workshop(source.pool);
  const plan = viewOf('many', 'Basic', [{ name: 'text', path: 'code.text' }]);
  await withClient(source.pool, async (client) => {
    for (let n = 0; n < 10; n += 1)
      await putResource(client, { type: 'Basic', id: `b-${n}`, json: { resourceType: 'Basic', code: { text: `${n}` } } });
  });
  expect(await shop.refresh(plan)).toMatchObject({ rows: 10 });
  // A thousand are always done as a delta.
  await source.pool.query(`
    insert into hfj_resource (res_id, res_version, has_tags, res_published, res_updated, fhir_id, sp_has_links, sp_coords_present, sp_date_present,
      sp_number_present, sp_quantity_nrml_present, sp_quantity_present, sp_string_present, sp_token_present, sp_uri_present, res_type, res_ver)
    select 500000 + n, 'R4', false, now(), now(), 'more-' || n, false, false, false, false, false, false, false, false, false, 'Basic', 1 from generate_series(1, 1001) n`);
  await source.pool.query(`
    insert into hfj_res_ver (pid, res_version, has_tags, res_published, res_updated, res_encoding, res_id, res_text_vc, res_type, res_ver)
    select res_id, 'R4', false, now(), now(), 'JSON', res_id, '{"resourceType":"Basic"}', 'Basic', 1 from hfj_resource where res_id > 500000 and res_type = 'Basic'`);
  expect(await shop.refresh(plan)).toMatchObject({ mode: 'full', why: expect.stringContaining('more than 1000'), rows: 1011 });
  await source.pool.query(`update hfj_resource set res_deleted_at = now() where res_id in (500001, 500002)`);
  expect(await shop.refresh(plan)).toMatchObject({ mode: 'delta', changed: 2, rows: 1009 });
});
