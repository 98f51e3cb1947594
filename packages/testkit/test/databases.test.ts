import { describeWithShared, testDatabase, useDatabase } from '@viewmill/testkit';
import pg from 'pg';
import { describe, expect, it } from 'vitest';

describe('testDatabase', () => {
  it('gives each caller an empty database of its own', async () => {
    const [one, other] = await Promise.all([testDatabase(), testDatabase()]);
    await one.pool.query('create table t as select 1 as a');
    await expect(other.pool.query('select * from t')).rejects.toThrow('does not exist');
    await Promise.all([one.close(), other.close()]);
    const gone = new pg.Client({ connectionString: one.url });
    await expect(gone.connect()).rejects.toMatchObject({ code: '3D000' });
  });

  it('names a client that was not given back, without its parameters', async () => {
    const database = await testDatabase();
    const client = await database.pool.connect();
    client.on('error', () => undefined);
    await client.query('select $1::text as leaky', ['secret']);
    const closing = database.close();
    await expect(closing).rejects.toThrow('leaked connection: idle: select $1::text as leaky');
    await expect(closing).rejects.not.toThrow('secret');
  });
});

const LIVE = `select count(*)::int as n from hfj_resource r join hfj_res_ver v using (res_id, res_ver)
  where r.res_type = $1 and r.res_deleted_at is null`;

describeWithShared('the HAPI 8.8 dump', () => {
  const database = useDatabase('hapi');
  it.each([
    ['Patient', 120],
    ['Condition', 781],
    ['Observation', 15_078],
    ['Encounter', 3_365],
  ])('has its live %s: %i', async (type, live) => {
    expect((await database.pool.query<{ n: number }>(LIVE, [type])).rows).toEqual([{ n: live }]);
  });
  it('has the search indexes and keys', async () => {
    const { rows } = await database.pool.query(
      `select count(*)::int as n from pg_constraint where conname = 'fk_restag_resource'`,
    );
    expect(rows).toEqual([{ n: 1 }]);
  });
});

describeWithShared('the HAPI 6.6 dump', () => {
  const database = useDatabase('hapi-6.6');
  it('has 1 510 live Observations', async () => {
    expect((await database.pool.query(LIVE, ['Observation'])).rows).toEqual([{ n: 1_510 }]);
  });
  it('has its large objects, which are gzip', async () => {
    const { rows } = await database.pool.query(
      `select count(*)::int as n, bool_and(substr(lo_get(res_text), 1, 2) = '\\x1f8b') as gzip from hfj_res_ver where res_encoding = 'JSONC'`,
    );
    expect(rows).toEqual([{ n: 243, gzip: true }]);
  });
});

describe('the demo data', () => {
  const database = useDatabase('demo');
  it('has ten patients', async () => {
    expect((await database.pool.query(LIVE, ['Patient'])).rows).toEqual([{ n: 10 }]);
  });
});
