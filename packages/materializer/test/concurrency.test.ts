import { describeWithShared, testDatabase, until, useDatabase } from '@viewmill/testkit';
import pg from 'pg';
import { beforeAll, expect, test } from 'vitest';
import { builtIn, code, generationTables, rowsOf, SCHEMA, viewOf, type Workshop, workshop } from './setup.ts';

describeWithShared('refreshes at the same time as others', () => {
  const database = useDatabase('hapi');
  let shop: Workshop;
  const plan = viewOf('shared_view', 'Patient', [{ name: 'gender', path: 'gender' }]);
  beforeAll(async () => {
    shop = await workshop(database.pool, database.pool, 'full');
  });

  test('three refreshes of a view do not overlap and all finish', async () => {
    const results = await Promise.all([shop.refresh(plan), shop.refresh(plan), shop.refresh(plan)]);
    expect(results.map(({ joined }) => joined).sort()).toEqual(['no', 'waited', 'waited']);
    const overlaps = await rowsOf(
      database.pool,
      `select from ${SCHEMA}._refresh a join ${SCHEMA}._refresh b on a.view = b.view and a.id < b.id and a.ended_at > b.started_at`,
    );
    expect(overlaps).toEqual([]);
    expect((await shop.catalog.history('shared_view')).map(({ outcome }) => outcome)).toEqual([
      'succeeded',
      'succeeded',
      'succeeded',
    ]);
    expect(await generationTables(database.pool)).toHaveLength(2);
  });

  test('readers always see a full view', async () => {
    const { rows } = await shop.refresh(plan);
    let stop = false;
    let reads = 0;
    const readers = [1, 2].map(async () => {
      while (!stop) {
        expect(
          await rowsOf(database.pool, 'select count(*)::int as n, count(gender)::int as g from sqlonfhir.shared_view'),
        ).toEqual([{ n: rows, g: rows }]);
        reads += 1;
      }
    });
    for (let round = 0; round < 5; round += 1) await shop.refresh(plan);
    stop = true;
    await Promise.all(readers);
    expect(reads).toBeGreaterThan(0);
  });

  test('a reader in a long transaction keeps its rows; the new ones are shown once it ends', async () => {
    const { rows } = await shop.refresh(plan);
    const reader = await database.pool.connect();
    await reader.query('begin');
    await reader.query('select count(*) from sqlonfhir.shared_view');
    const phases: string[] = [];
    const refreshing = shop.refresh(plan, { onProgress: ({ phase }) => phases.push(phase) });
    await until(() => phases.includes('publishing'));
    expect((await reader.query('select count(*)::int as n from sqlonfhir.shared_view')).rows).toEqual([{ n: rows }]);
    await reader.query('commit');
    reader.release();
    await refreshing;
    expect(await generationTables(database.pool)).toHaveLength(2);
  });

  test('a reader of the generation itself does not hold up a refresh; its table goes with the next one', async () => {
    const { generation } = await shop.refresh(plan);
    const reader = await database.pool.connect();
    await reader.query('begin');
    await reader.query(`select count(*) from sqlonfhir._g${generation}_shared_view`);
    await shop.refresh(plan);
    expect(await generationTables(database.pool)).toHaveLength(4);
    await reader.query('commit');
    reader.release();
    await shop.refresh(plan);
    expect(await generationTables(database.pool)).toHaveLength(2);
  });

  test('cancelled while it waits, while it reads and while it publishes: the old rows stay, the next refresh works', async () => {
    const before = await shop.catalog.viewStatus('shared_view');
    const holder = await database.pool.connect();
    await holder.query(
      `select pg_advisory_lock(${0x766d_0002}, (select lock_key from sqlonfhir._view where name = 'shared_view'))`,
    );
    const waiting = new AbortController();
    const waited = shop.refresh(plan, {
      signal: waiting.signal,
      onProgress: ({ phase }) => phase === 'waiting' && waiting.abort(),
    });
    expect(await code(waited)).toBe('VM3006');
    holder.release(true);

    for (const at of ['reading', 'indexing', 'publishing'] as const) {
      const controller = new AbortController();
      const cancelled = shop.refresh(plan, {
        signal: controller.signal,
        onProgress: ({ phase }) => phase === at && controller.abort('cancelled'),
      });
      expect(await code(cancelled)).toBe('VM3006');
      expect(await shop.catalog.history('shared_view', 1)).toMatchObject([{ outcome: 'cancelled' }]);
    }
    expect(await shop.catalog.viewStatus('shared_view')).toMatchObject({
      status: 'active',
      generation: before.generation,
      as_of: before.as_of,
    });
    expect(await generationTables(database.pool)).toHaveLength(2);
    await shop.refresh(plan);
    expect(await shop.catalog.viewStatus('shared_view')).toMatchObject({ status: 'active' });
  });

  test.each(['reading', 'publishing'] as const)(
    'its connections are cut while %s: retryable, old rows stay, the next refresh cleans up',
    async (at) => {
      // Many resources, so that the cut comes while they are read; for publishing, a reader holds the view until after it.
      const large = viewOf('large_view', 'Observation', [{ name: 'status', path: 'status' }]);
      const before = await shop.refresh(large);
      const tables = await generationTables(database.pool);
      const own = new pg.Pool({ connectionString: database.url, application_name: 'doomed' });
      own.on('error', () => undefined);
      const reader = await database.pool.connect();
      await reader.query(at === 'publishing' ? 'begin; lock table sqlonfhir.large_view in access share mode' : 'begin');
      let cutting: Promise<unknown> | undefined;
      const onProgress = ({ phase }: { phase: string }): void => {
        if (phase !== at) return;
        cutting ??= database.pool.query(
          `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'doomed'`,
        );
      };
      try {
        expect(await code(shop.refresh(large, { source: own, target: own, onProgress }))).toBe('VM3002');
        await cutting;
      } finally {
        await reader.query('commit');
        reader.release();
        await own.end();
      }
      expect((await shop.catalog.viewStatus('large_view')).generation).toBe(before.generation);
      await shop.refresh(large);
      expect(await shop.catalog.viewStatus('large_view')).toMatchObject({ status: 'active', last_error: null });
      expect(await generationTables(database.pool)).toHaveLength(tables.length);
    },
  );

  test('a target in another database', async () => {
    const target = await testDatabase('empty');
    try {
      const elsewhere = await workshop(database.pool, target.pool);
      const result = await elsewhere.refresh(builtIn('observation_labs'));
      expect(result.resources).toBe(15_078);
      const [there] = await rowsOf(target.pool, 'select count(*)::int as n from sqlonfhir.observation_labs');
      expect(there).toEqual({ n: result.rows });
      expect(await rowsOf(database.pool, `select relname from pg_class where relname like '%observation\\_labs%'`)).toEqual([]);
    } finally {
      await target.close();
    }
  });
});
