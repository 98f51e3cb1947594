import { disableLive, enableLive, liveState, outboxStatus } from '@viewmill/fhir-source';
import { deleteResource, metaAdd, putResource, until, useDatabase } from '@viewmill/testkit';
import type pg from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import { rowsOf, SCHEMA, viewOf, type Workshop, withClient, workshop } from './setup.ts';

const database = useDatabase('demo');
const PLAN = viewOf('people', 'Patient', [{ name: 'gender', path: 'gender' }]);
const TAGGED = viewOf('tagged', 'Patient', [{ name: 'tags', path: 'meta.tag.code', collection: true }]);

describe('live capture', () => {
  let shop: Workshop;
  beforeAll(async () => {
    shop = await workshop(database.pool);
  });
  const change = <T>(work: (client: pg.PoolClient) => Promise<T>) => withClient(database.pool, work);
  const put = (id: string, gender: string, client?: pg.PoolClient) => {
    const options = { type: 'Patient', id, json: { resourceType: 'Patient', gender } };
    return client === undefined ? change((own) => putResource(own, options)) : putResource(client, options);
  };
  const switchOn = () => change((client) => enableLive(client, SCHEMA, shop.layout));
  const switchOff = () => change((client) => disableLive(client, SCHEMA, shop.layout));
  const genders = (id: string) => rowsOf(database.pool, `select gender from sqlonfhir.people where id = '${id}'`);
  const objects = () =>
    rowsOf(
      database.pool,
      `select tgname::text as name from pg_trigger where not tgisinternal union all
       select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = relnamespace and nspname in ('sqlonfhir', 'public') and relname not like '\\_g%'
       union all select p.oid::regprocedure::text from pg_proc p join pg_namespace n on n.oid = pronamespace and nspname in ('sqlonfhir', 'public') order by 1`,
    );

  test('makes a refresh cost what changed; disabling leaves no trace', async () => {
    await shop.refresh(PLAN);
    const before = await objects();
    expect(await switchOn()).toBe(true);
    expect(await switchOn()).toBe(false);
    await put('l-1', 'male');
    expect(await shop.refresh(PLAN)).toMatchObject({
      mode: 'delta',
      changed: 1,
      why: expect.stringContaining('switched on since'),
    });
    expect(await shop.refresh(PLAN)).toMatchObject({ mode: 'live', changed: 0 });
    await put('l-1', 'female');
    await put('l-2', 'male');
    await put('l-2', 'female');
    expect(await shop.refresh(PLAN)).toMatchObject({ mode: 'live', changed: 2, why: expect.stringMatching(/noted 2 /) });
    expect(await genders('l-1')).toEqual([{ gender: 'female' }]);
    await change((client) => deleteResource(client, 'Patient', 'l-1'));
    expect(await shop.refresh(PLAN)).toMatchObject({ mode: 'live', changed: 1 });
    expect(await genders('l-1')).toEqual([]);
    expect(await shop.refresh(PLAN, { mode: 'delta' })).toMatchObject({ mode: 'delta', changed: 0 });
    expect(await switchOff()).toBe(true);
    expect(await objects()).toEqual(before);
    expect(await shop.refresh(PLAN)).toMatchObject({ mode: 'delta' });
  });

  test('notes tags, and expunged resources', async () => {
    await switchOn();
    await put('l-3', 'male');
    await shop.refresh(TAGGED);
    await shop.refresh(PLAN);
    await change((client) => metaAdd(client, 'Patient', 'l-3', { system: 'urn:x', code: 'vip' }));
    expect(await shop.refresh(TAGGED)).toMatchObject({ mode: 'live', changed: 1 });
    // The view without tags finds the same key.
    expect(await shop.refresh(PLAN)).toMatchObject({ mode: 'live', changed: 0 });
    expect(await rowsOf(database.pool, `select tags from sqlonfhir.tagged where id = 'l-3'`)).toEqual([{ tags: ['vip'] }]);
    await change(async (client) => {
      const { rows } = await client.query(`select res_id from hfj_resource where fhir_id = 'l-3'`);
      for (const table of ['hfj_res_tag', 'hfj_res_ver', 'hfj_resource'])
        await client.query(`delete from ${table} where res_id = $1`, [rows[0].res_id]);
    });
    expect(await shop.refresh(PLAN)).toMatchObject({ mode: 'live', changed: 1 });
    expect(await genders('l-3')).toEqual([]);
    await switchOff();
  });

  test('loses nothing of transactions that overlap refreshes, in whichever order they commit', async () => {
    await switchOn();
    await shop.refresh(PLAN);
    const [first, second] = [await database.pool.connect(), await database.pool.connect()];
    try {
      await first.query('begin');
      await second.query('begin');
      await put('o-1', 'male', first);
      await put('o-2', 'male', second);
      await put('o-3', 'male');
      expect(await shop.refresh(PLAN)).toMatchObject({ mode: 'live', changed: 1 });
      await second.query('commit');
      expect(await shop.refresh(PLAN)).toMatchObject({ mode: 'live', changed: 1 });
      await put('o-3', 'female');
      await put('o-1x', 'male', first);
      expect(await shop.refresh(PLAN)).toMatchObject({ mode: 'live', changed: 1 });
      await first.query('commit');
      expect(await shop.refresh(PLAN)).toMatchObject({ mode: 'live', changed: 2 });
      for (const id of ['o-1', 'o-2', 'o-1x']) expect(await genders(id)).toEqual([{ gender: 'male' }]);
      expect(await genders('o-3')).toEqual([{ gender: 'female' }]);
    } finally {
      first.release();
      second.release();
    }
    await switchOff();
  });

  test('writers never wait for each other on the outbox, and repeats are one entry', async () => {
    await switchOn();
    await put('w-1', 'male');
    const entries = async () => (await change((client) => outboxStatus(client, SCHEMA)))?.entries;
    for (let n = 0; n < 20; n += 1) await put('w-1', n % 2 === 0 ? 'female' : 'male');
    expect(await entries()).toBe(1);
    const holder = await database.pool.connect();
    try {
      await holder.query('begin');
      // Another transaction holds the entry, not the resource.
      await holder.query('select * from sqlonfhir._outbox for update');
      await put('w-1', 'other');
      expect(await entries()).toBe(2);
    } finally {
      await holder.query('rollback');
      holder.release();
    }
    // A view whose definition is in the catalog keeps the entries it needs, and a refresh lets the others go.
    // Again and again: transactions of other databases of the server keep entries back.
    await until(
      async () => {
        await shop.refresh(PLAN);
        return (await entries()) === 0;
      },
      { what: 'the outbox to be empty', timeoutMs: 150_000 },
    );
    await switchOff();
  }, 180_000);

  test('triggers that were missing for a while are noticed: what they missed is not lost', async () => {
    await switchOn();
    await shop.refresh(PLAN);
    await database.pool.query('drop trigger viewmill_capture_written on hfj_resource');
    await put('m-1', 'male');
    expect(await change((client) => liveState(client, SCHEMA, shop.layout))).toBeNull();
    expect(await shop.refresh(PLAN)).toMatchObject({ mode: 'delta', changed: 1, why: expect.stringContaining('is off') });
    await put('m-2', 'male');
    await switchOn();
    expect(await shop.refresh(PLAN)).toMatchObject({ mode: 'delta', changed: 1 });
    expect(await shop.refresh(PLAN)).toMatchObject({ mode: 'live', changed: 0 });
    await switchOff();
  });

  test('sessions that load data without triggers are captured all the same, and so is truncation', async () => {
    await switchOn();
    await shop.refresh(PLAN);
    await change(async (client) => {
      await client.query('begin');
      await client.query('set local session_replication_role = replica');
      await put('r-1', 'male', client);
      await client.query('commit');
    });
    expect(await shop.refresh(PLAN)).toMatchObject({ mode: 'live', changed: 1 });
    await database.pool.query('truncate hfj_resource cascade');
    expect(await shop.refresh(PLAN)).toMatchObject({ rows: 0 });
    await switchOff();
  });
});
