import { ViewmillError } from '@viewmill/contracts';
import { until, useDatabase } from '@viewmill/testkit';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Catalog, createCatalog, migrate } from '../src/index.ts';

const schema = 'sqlonfhir';
const definition = { resource: 'Patient', name: 'people', select: [{ column: [{ name: 'id', path: 'id' }] }] };
const people = { name: 'people', definition, resource: 'Patient', title: 'People' };

function code(promise: Promise<unknown>): Promise<string | undefined> {
  return promise.then(
    () => 'no error',
    (error: unknown) => (error instanceof ViewmillError ? error.code : String(error)),
  );
}

describe('catalog', () => {
  const database = useDatabase('empty');
  let catalog: Catalog;
  beforeAll(async () => {
    await migrate(database.pool, { schema, readerRole: '' });
    catalog = createCatalog({ pool: database.pool, schema });
  });

  test('definitions: create, read, update, delete, and what is refused', async () => {
    const stored = await catalog.putDefinition(people, 'create');
    expect(stored).toMatchObject({
      name: 'people',
      version: 1,
      builtin: false,
      title: 'People',
      resource: 'Patient',
      definition,
    });
    expect(await code(catalog.putDefinition(people, 'create'))).toBe('VM2003');
    expect((await catalog.putDefinition(people, 'update')).version).toBe(1);
    const changed = { ...people, definition: { ...definition, title: 'New' }, title: 'New' };
    expect(await catalog.putDefinition(changed, 'update')).toMatchObject({ version: 2, title: 'New' });
    expect(await code(catalog.putDefinition({ ...people, name: 'nobody' }, 'update'))).toBe('VM2002');
    expect(await code(catalog.getDefinition('nobody'))).toBe('VM2002');
    await catalog.deleteDefinition('people');
    expect(await code(catalog.deleteDefinition('people'))).toBe('VM2002');
  });

  test('of several creators of a name one succeeds', async () => {
    const codes = await Promise.all([1, 2, 3].map(() => code(catalog.putDefinition({ ...people, name: 'raced' }, 'create'))));
    expect(codes.sort()).toEqual(['VM2003', 'VM2003', 'no error']);
    await catalog.deleteDefinition('raced');
  });

  test('built-in views: installed again they keep their version, changed ones get a new one, users cannot touch them', async () => {
    const mine = await catalog.putDefinition({ ...people, name: 'mine' }, 'create');
    const list = ['one', 'two', 'mine'].map((name) => ({ ...people, name, definition: { ...definition, name, builtin: 1 } }));
    await catalog.installBuiltIns(list);
    await Promise.all([catalog.installBuiltIns(list), catalog.installBuiltIns(list)]);
    expect(await catalog.getDefinition('one')).toMatchObject({ builtin: true, version: 1 });
    expect(await catalog.getDefinition('mine')).toEqual(mine);
    expect(await code(catalog.putDefinition({ ...people, name: 'one' }, 'update'))).toBe('VM2005');
    expect(await code(catalog.deleteDefinition('one'))).toBe('VM2005');
    await catalog.installBuiltIns([{ ...people, name: 'one' }]);
    expect((await catalog.listDefinitions()).map(({ name, version }) => [name, version])).toEqual([
      ['mine', 1],
      ['one', 2],
    ]);
  });

  test('a view from its first build to its end', async () => {
    const { pool } = database;
    expect(await code(catalog.viewStatus('mine'))).toBe('VM2006');
    expect(await catalog.current('mine')).toBeNull();
    const start = { view: 'mine', resource: 'Patient', reason: 'request', mode: 'full' } as const;

    const first = await catalog.startRefresh(pool, start);
    expect(await catalog.viewStatus('mine')).toMatchObject({
      status: 'stale',
      is_stale: true,
      generation: null,
      staleness_hours: null,
    });
    const second = await catalog.startRefresh(pool, start);
    await catalog.finishRefresh(pool, second, 'mine', { outcome: 'failed', error: { code: 'VM1201', message: 'column x' } });
    expect(await catalog.viewStatus('mine')).toMatchObject({ status: 'failed', last_error: 'VM1201: column x' });
    expect(await catalog.history('mine')).toMatchObject([
      { id: second, outcome: 'failed', error: 'VM1201: column x' },
      { id: first, outcome: 'abandoned' },
    ]);
    expect(await catalog.health()).toEqual({ status: 'unhealthy', total_views: 1, stale_views: 1, unhealthy_views: 1 });
    expect(await catalog.staleViews()).toEqual(['mine']);

    const third = await catalog.startRefresh(pool, start);
    const generation = await catalog.addGeneration(pool, 'mine');
    expect(await catalog.leftovers(pool, 'mine')).toEqual([generation]);
    const asOf = new Date(Date.now() - 3_600_000).toISOString();
    const counts = { rows: 5, resources: 6, quarantined: 1, sizeBytes: 8192, indexes: [{ name: 'i', columns: ['id'] }] };
    await catalog.publish(pool, {
      view: 'mine',
      resource: 'Patient',
      refreshId: third,
      generation,
      mode: 'full',
      why: 'the view is new',
      changed: 6,
      planHash: 'h',
      sourceKey: 's',
      live: { epoch: 'e', xmin: '7' },
      asOf,
      ...counts,
    });
    const status = await catalog.viewStatus('mine');
    expect(status).toMatchObject({
      status: 'active',
      is_stale: false,
      as_of: asOf,
      row_count: 5,
      quarantined: 1,
      last_error: null,
      refresh_interval_hours: 24,
    });
    expect(status.staleness_hours).toBeCloseTo(1, 1);
    expect(await catalog.leftovers(pool, 'mine')).toEqual([]);
    const current = await catalog.current('mine');
    expect(current).toMatchObject({ planHash: 'h', asOf, isStale: false, generation: generation.id, revision: 1 });
    expect(current?.relation.text).toBe(`"sqlonfhir"."_g${generation.id}_mine"`);
    expect(await catalog.health()).toMatchObject({ status: 'healthy', unhealthy_views: 0 });

    expect(await catalog.setSchedule('mine', { refresh_interval_hours: 0.5, auto_refresh_enabled: false })).toMatchObject({
      status: 'stale',
      auto_refresh_enabled: false,
    });
    expect(await code(catalog.setSchedule('mine', { refresh_interval_hours: 0 }))).toBe('VM2001');
    expect(await catalog.setSchedule('mine', { refresh_interval_hours: 24 })).toMatchObject({
      status: 'active',
      auto_refresh_enabled: false,
    });
    await catalog.putDefinition({ ...people, name: 'mine', definition: { ...definition, title: 'other' } }, 'update');
    expect(await catalog.current('mine')).toMatchObject({ isStale: true });
    expect(await code(catalog.deleteDefinition('mine'))).toBe('VM2008');

    await catalog.removeView(pool, 'mine');
    expect(await code(catalog.removeView(pool, 'mine'))).toBe('VM2006');
    expect(await catalog.leftovers(pool, 'mine')).toEqual([generation]);
    await catalog.forgetGeneration(pool, generation);
    expect(await catalog.history('mine', 1)).toMatchObject([{ id: third, outcome: 'succeeded', rows: 5, resources: 6 }]);
  });

  test('a first build that is cancelled leaves no view', async () => {
    const id = await catalog.startRefresh(database.pool, { view: 'gone', resource: 'Patient', reason: 'create', mode: 'full' });
    await catalog.finishRefresh(database.pool, id, 'gone', { outcome: 'cancelled' });
    expect(await code(catalog.viewStatus('gone'))).toBe('VM2006');
    expect(await catalog.history('gone')).toMatchObject([{ outcome: 'cancelled' }]);
  });

  test('the quarantine is replaced; what was seen before keeps its time', async () => {
    const entry = (resId: number, resVer: number) => ({ resId, resVer, code: 'VM1204', message: 'broken' }) as const;
    await catalog.replaceQuarantine(database.pool, 'q', [entry(1, 1), entry(2, 1)]);
    const before = await catalog.quarantined('q');
    await catalog.replaceQuarantine(database.pool, 'q', [entry(2, 1), entry(3, 1)]);
    const after = await catalog.quarantined('q');
    expect(after.map(({ res_id }) => res_id)).toEqual(['2', '3']);
    expect(after[0]).toEqual(before[1]);
    await catalog.replaceQuarantine(database.pool, 'q', []);
    expect(await catalog.quarantined('q')).toEqual([]);
  });

  test('statistics add up, also when told at once', async () => {
    const start = { view: 'counted', resource: 'Patient', reason: 'create', mode: 'full' } as const;
    await catalog.startRefresh(database.pool, start);
    const deltas = {
      views: { counted: 3, unknown: 1 },
      totalQueries: 5,
      materializedQueries: 4,
      postgresFallbacks: 1,
      cacheHits: 2,
      executionMs: 10,
    };
    await Promise.all([catalog.recordQueries(deltas), catalog.recordQueries(deltas)]);
    expect(await catalog.runnerStats()).toEqual({
      total_queries: 10,
      materialized_queries: 8,
      postgres_fallbacks: 2,
      cache_hits: 4,
      avg_execution_time_ms: 2,
    });
    expect((await catalog.viewStatus('counted')).query_count).toBe(6);
  });

  test('changes are heard, also after the connection was lost', async () => {
    const heard: (string | null)[] = [];
    const subscription = catalog.changes((view) => heard.push(view));
    await subscription.ready;
    await catalog.putDefinition({ ...people, name: 'loud' }, 'create');
    await until(() => heard.includes('loud'));
    heard.length = 0;
    await database.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen %' and datname = current_database()`,
    );
    await until(() => heard.includes(null));
    await catalog.deleteDefinition('loud');
    await until(() => heard.includes('loud'));
    await subscription.close();
  });
});
