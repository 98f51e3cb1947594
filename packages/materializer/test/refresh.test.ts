import { randomBytes } from 'node:crypto';
import { deleteResource, describeWithShared, metaAdd, putResource, useDatabase } from '@viewmill/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dropView } from '../src/index.ts';
import {
  builtIn,
  code,
  dropReader,
  generationTables,
  READER,
  rowsOf,
  viewOf,
  type Workshop,
  withClient,
  workshop,
} from './setup.ts';

/** Written against HAPI's tables by hand: nothing of this project is in it. */
const CONDITIONS_BY_HAND = `
  select r.fhir_id as id, nullif(substring(j ->> 'ref' from '^Patient/(.*)$'), '') as patient_id, j #>> '{code,code}' as code,
    j #>> '{code,system}' as code_system, j ->> 'onset' as onset,
    case length(j ->> 'onset') when 4 then (j ->> 'onset') || '-01-01T00:00Z' when 7 then (j ->> 'onset') || '-01T00:00Z'
      when 10 then (j ->> 'onset') || 'T00:00Z' else j ->> 'onset' end::timestamptz as onset_at
  from hfj_resource r
  join hfj_res_ver v on v.res_id = r.res_id and v.res_ver = r.res_ver
  cross join lateral (select jsonb_build_object('ref', t #> '{subject,reference}', 'code', t #> '{code,coding,0}', 'onset', t -> 'onsetDateTime') as j
    from (select v.res_text_vc::jsonb as t) t) x
  where r.res_type = 'Condition' and r.res_deleted_at is null order by id`;

describeWithShared('refresh on a HAPI database', () => {
  const database = useDatabase('hapi');
  let shop: Workshop;
  beforeAll(async () => {
    shop = await workshop(database.pool);
  });
  afterAll(() => dropReader(database.pool));

  test('condition_simple equals a query written by hand, row for row', async () => {
    const phases: string[] = [];
    const plan = builtIn('condition_simple');
    const result = await shop.refresh(plan, { onProgress: ({ phase }) => phases.push(phase) });
    expect(result).toMatchObject({ view: 'condition_simple', rows: 781, resources: 781, quarantined: 0, joined: 'no' });
    expect([...new Set(phases)]).toEqual(['reading', 'indexing', 'publishing', 'done']);
    const columns = 'id, patient_id, code, code_system, onset, onset_at';
    const rows = await rowsOf(database.pool, `select ${columns} from sqlonfhir.condition_simple order by id`);
    expect(rows).toEqual(await rowsOf(database.pool, CONDITIONS_BY_HAND));
    const status = await shop.catalog.viewStatus('condition_simple');
    expect(status).toMatchObject({
      status: 'active',
      row_count: 781,
      as_of: result.as_of,
      generation: result.generation,
      is_stale: false,
    });
    expect(status.size_bytes).toBeGreaterThan(100_000);
    expect(status.indexes.map(({ columns: [name] }) => name)).toEqual(['id', 'patient_id', 'encounter_id', 'code', 'onset_at']);
    expect(await shop.catalog.history('condition_simple')).toMatchObject([
      { outcome: 'succeeded', rows: 781, resources: 781, reason: 'request' },
    ]);
  });

  test('the versions read are kept, the view and its columns have comments', async () => {
    const { rows: kept } = await database.pool.query(
      `select relname from pg_class where relname ~ '^_g[0-9]+_condition_simple_v$'`,
    );
    const versions = await rowsOf(
      database.pool,
      `select count(*)::int as n from sqlonfhir."${kept[0].relname}" v join hfj_resource r using (res_id, res_ver)`,
    );
    expect(versions).toEqual([{ n: 781 }]);
    const comments = await rowsOf(
      database.pool,
      `select obj_description('sqlonfhir.condition_simple'::regclass) as view, col_description('sqlonfhir.condition_simple'::regclass, 2) as "column"`,
    );
    expect(comments).toEqual([
      { view: expect.stringContaining('One row per condition'), column: expect.stringContaining('Key of the patient') },
    ]);
  });

  test('a put, a delete and a $meta-add show after a refresh', async () => {
    const plan = viewOf('tagged', 'Patient', [
      { name: 'gender', path: 'gender' },
      { name: 'version', path: 'meta.versionId' },
      { name: 'tags', path: 'meta.tag.code', collection: true },
    ]);
    const before = await shop.refresh(plan);
    await withClient(database.pool, async (client) => {
      await putResource(client, { type: 'Patient', id: 'put-1', json: { resourceType: 'Patient', gender: 'other' } });
      await putResource(client, { type: 'Patient', id: 'put-2', json: { resourceType: 'Patient', gender: 'male' } });
    });
    expect((await shop.refresh(plan)).rows).toBe(before.rows + 2);
    await withClient(database.pool, async (client) => {
      await putResource(client, { type: 'Patient', id: 'put-1', json: { resourceType: 'Patient', gender: 'unknown' } });
      await deleteResource(client, 'Patient', 'put-2');
      await metaAdd(client, 'Patient', 'put-1', { code: 'vip' });
    });
    expect((await shop.refresh(plan)).rows).toBe(before.rows + 1);
    expect(await rowsOf(database.pool, `select * from sqlonfhir.tagged where id like 'put-%'`)).toEqual([
      { id: 'put-1', gender: 'unknown', version: '2', tags: ['vip'] },
    ]);
  });

  test('resources that cannot be read are quarantined and do not stop the build; mended ones leave it', async () => {
    const plan = viewOf('sturdy', 'Patient', [{ name: 'birth', path: 'birthDate' }], {
      select: [{ column: [{ name: 'id', path: 'id' }] }, { forEachOrNull: 'name', column: [{ name: 'family', path: 'family' }] }],
    });
    const before = await shop.refresh(plan);
    const put = (id: string, json: string) =>
      withClient(database.pool, (client) => putResource(client, { type: 'Patient', id, json }));
    const broken = { 'broken-1': '{"resourceType":"Patient","name":[{"family":"secret', 'broken-2': '["secret"]' };
    for (const [id, text] of Object.entries(broken)) {
      await put(id, '{"resourceType":"Patient"}');
      await database.pool.query(
        'update hfj_res_ver set res_text_vc = $2 where res_id = (select res_id from hfj_resource where fhir_id = $1)',
        [id, text],
      );
    }
    await put('broken-3', '{"resourceType":"Patient","name":[{"family":"fine"},{"family":"secret\\u0000"}]}');
    await put('fine-1', '{"resourceType":"Patient","name":[{"family":"one"},{"family":"two"}]}');
    const result = await shop.refresh(plan);
    expect(result).toMatchObject({ quarantined: 3, rows: before.rows + 2, resources: before.resources + 4 });
    const entries = await shop.catalog.quarantined('sturdy');
    expect(entries.map((entry) => entry.code)).toEqual(['VM1204', 'VM1204', 'VM1203']);
    expect(JSON.stringify(entries)).not.toContain('secret');
    expect(await shop.catalog.viewStatus('sturdy')).toMatchObject({ status: 'active', quarantined: 3 });
    await put('broken-3', '{"resourceType":"Patient","name":[{"family":"fine"}]}');
    expect(await shop.refresh(plan)).toMatchObject({ quarantined: 2, rows: before.rows + 3 });
    for (const id of ['broken-1', 'broken-2']) await withClient(database.pool, (client) => deleteResource(client, 'Patient', id));
    expect(await shop.refresh(plan)).toMatchObject({ quarantined: 0 });
    expect(await shop.catalog.quarantined('sturdy')).toEqual([]);
  });

  test('a failed build keeps the rows, says why without content, and leaves no table', async () => {
    const good = viewOf('careful', 'Patient', [{ name: 'gender', path: 'gender' }]);
    const { rows } = await shop.refresh(good);
    const tables = await generationTables(database.pool);
    const bad = viewOf('careful', 'Patient', [{ name: 'given', path: 'name.given' }]);
    expect(await code(shop.refresh(bad))).toBe('VM1201');
    expect(
      await rowsOf(database.pool, 'select count(*)::int as n, count(gender)::int as g from sqlonfhir.careful'),
    ).toMatchObject([{ n: rows }]);
    const status = await shop.catalog.viewStatus('careful');
    expect(status).toMatchObject({
      status: 'failed',
      row_count: rows,
      last_error: expect.stringMatching(/^VM1201: .*res_id \d+/),
    });
    expect(await shop.catalog.history('careful', 1)).toMatchObject([{ outcome: 'failed' }]);
    expect(await generationTables(database.pool)).toEqual(tables);
    await shop.refresh(good);
    expect(await shop.catalog.viewStatus('careful')).toMatchObject({ status: 'active', last_error: null });
  });

  test('a column name that a table cannot have is refused', async () => {
    expect(await code(shop.refresh(viewOf('named', 'Patient', [{ name: 'res_id', path: 'gender' }])))).toBe('VM1106');
  });

  test('a value too long for a btree gets a hash index', async () => {
    const tag = [{ name: 'viewmill/index', value: 'btree' }];
    // Random, so that PostgreSQL cannot compress it below the limit.
    const text = randomBytes(6000).toString('hex');
    await withClient(database.pool, (client) =>
      putResource(client, { type: 'Basic', id: 'long', json: { resourceType: 'Basic', code: { text } } }),
    );
    const plan = viewOf('long_text', 'Basic', [{ name: 'text', path: 'code.text', tag }]);
    const { generation } = await shop.refresh(plan);
    const [index] = await rowsOf(
      database.pool,
      `select indexdef from pg_indexes where indexname = '_g${generation}_long_text_i1'`,
    );
    expect(index?.['indexdef']).toMatch(/using hash/i);
  });

  test('drop takes the view and its tables; again it is not there', async () => {
    await shop.refresh(viewOf('short_lived', 'Patient', []));
    const options = { name: 'short_lived', target: database.pool, catalog: shop.catalog };
    expect(await dropView(options)).toEqual({ view: 'short_lived', dropped: true });
    expect(await code(dropView(options))).toBe('VM2006');
    expect(await rowsOf(database.pool, `select relname from pg_class where relname like '%short\\_lived%'`)).toEqual([]);
    expect(await shop.catalog.history('short_lived')).toHaveLength(1);
  });

  test('the reader role reads the views and nothing else, before and after a refresh', async () => {
    const plan = viewOf('readable', 'Patient', [{ name: 'gender', path: 'gender' }]);
    await shop.refresh(plan);
    const others = viewOf('readable', 'Patient', [{ name: 'birth', path: 'birthDate' }]);
    for (const view of [plan, others, others]) {
      await shop.refresh(view);
      await withClient(database.pool, async (client) => {
        await client.query(`set role ${READER}`);
        const as = (statement: string) =>
          client.query(statement).then(
            () => 'done',
            (error: { code: string }) => error.code,
          );
        expect(await as('select * from sqlonfhir.readable')).toBe('done');
        const { rows } = await client.query(
          `select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = relnamespace
           where nspname in ('sqlonfhir', 'public') and relkind in ('r', 'v', 'S')
             and has_table_privilege(c.oid, 'select, insert, update, delete, truncate') and not (relkind = 'v' and nspname = 'sqlonfhir')`,
        );
        expect(rows).toEqual([]);
        expect(await as('select * from public.hfj_resource')).toBe('42501');
        expect(await as('select * from sqlonfhir._definition')).toBe('42501');
        expect(await as(`delete from sqlonfhir.readable`)).toBe('42501');
        expect(await as('create table sqlonfhir.mine (a int)')).toBe('42501');
        await client.query('reset role');
      });
    }
  });
});
