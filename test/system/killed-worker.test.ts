import type { ViewStatus } from '@viewmill/contracts';
import { describeWithRedis, until, useDatabase } from '@viewmill/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Running, runViewmill } from './processes.ts';
import { type System, startSystem } from './system.ts';

describeWithRedis('a worker that is killed (SIGKILL) in the middle of a full build', (redis) => {
  const database = useDatabase('demo');
  let system: System;
  let workers: Running[] = [];
  const env = () => ({
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    QUEUE_PREFIX: redis.prefix,
    SCHEDULES_ENABLED: 'false',
    LOG_LEVEL: 'info',
  });

  function spawnWorker(): Running {
    const worker = runViewmill('worker', env());
    workers.push(worker);
    return worker;
  }

  beforeAll(async () => {
    system = await startSystem(env());
    await spawnWorker().printed('worker ready');
    const created = await system.call<{ state: string }>('POST', '/analytics/materialized-views/observation_labs?wait=60s');
    expect(created.body.state).toBe('completed');
  });
  afterAll(async () => {
    await system.close();
    await Promise.all(
      workers.map((worker) =>
        worker.child.exitCode === null && worker.child.signalCode === null ? worker.signalGroup('SIGTERM') : null,
      ),
    );
    workers = [];
  });

  const rows = async () =>
    (await database.pool.query('select count(*)::int as n from sqlonfhir.observation_labs')).rows[0].n as number;
  const status = async () => (await system.call<ViewStatus>('GET', '/analytics/materialized-views/observation_labs/status')).body;

  /** Holds the build at a certain step, so that the kill hits it there and not by chance somewhere else. */
  it.each([
    ['while it reads the resources', 'lock table hfj_res_ver in access exclusive mode'],
    ['when the rows are written and the swap is due', 'lock table sqlonfhir.observation_labs in access share mode'],
  ])('%s: the old rows serve, the job runs again, the view ends active', async (_step, hold) => {
    const before = { rows: await rows(), generation: (await status()).generation };
    const worker = workers.at(-1) as Running;
    const holder = await database.pool.connect();
    let job: string;
    try {
      await holder.query('begin');
      await holder.query(hold);
      job = (await system.call<{ job: string }>('POST', '/analytics/materialized-views/observation_labs/refresh?mode=full')).body
        .job;
      const { rows: pids } = await holder.query<{ pid: number }>('select pg_backend_pid() as pid');
      await until(() => isHeld(pids[0]?.pid ?? 0), { what: 'the build to wait for the lock', timeoutMs: 30_000 });
      expect((await status()).status).toBe('refreshing');
      await worker.signalGroup('SIGKILL');
      expect(await rows()).toBe(before.rows);
    } finally {
      await holder.query('rollback');
      holder.release();
    }
    expect(await rows()).toBe(before.rows);
    spawnWorker();
    const finished = await system.call<{ state: string; attempts: number }>('GET', `/analytics/jobs/${job}?wait=60s`);
    expect(finished.body.state).toBe('completed');
    const after = await status();
    expect(after).toMatchObject({ status: 'active', row_count: before.rows, last_error: null });
    expect(after.generation).toBeGreaterThan(before.generation ?? 0);
    expect(await rows()).toBe(before.rows);
    const { history } = (
      await system.call<{ history: { outcome: string }[] }>('GET', '/analytics/materialized-views/observation_labs/history')
    ).body;
    expect(history.slice(0, 2).map(({ outcome }) => outcome)).toEqual(['succeeded', 'abandoned']);
    await until(async () => (await generationTables()) === 1, { what: 'the killed build’s table to be gone' });
  });

  /** Somebody waits for a lock that the holder has. Asked on another connection: within a transaction the activity seems to stand still. */
  async function isHeld(holder: number): Promise<boolean> {
    const { rows: waiting } = await database.pool.query('select 1 from pg_stat_activity where $1 = any(pg_blocking_pids(pid))', [
      holder,
    ]);
    return waiting.length > 0;
  }

  /** Tables with rows of the view: the view's own and, for a while, those of killed builds. */
  async function generationTables(): Promise<number> {
    const { rows: found } = await database.pool.query(`
      select 1 from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'sqlonfhir' and c.relkind = 'r' and c.relname like '%observation_labs%'
        and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'ordinal')`);
    return found.length;
  }
});
