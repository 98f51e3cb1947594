import type { RefreshRecord, ViewStatus } from '@viewmill/contracts';
import { describeWithRedis, until, useDatabase } from '@viewmill/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Running, runViewmill } from './processes.ts';
import { type System, startSystem } from './system.ts';

const VIEWS = '/analytics/materialized-views';
const LABS = `${VIEWS}/observation_labs`;

interface Job {
  readonly job: string;
  readonly state: string;
  readonly result: { readonly mode: string; readonly why: string; readonly resources: number };
}

/** Small shards: the demo's Observations are several. */
const SETTINGS = { SCHEDULES_ENABLED: 'false', SHARD_RESOURCES: '1500', LOG_LEVEL: 'info' };

describeWithRedis('full builds in shards', (redis) => {
  const database = useDatabase('demo');
  let system: System;
  let workers: Running[] = [];
  const env = () => ({ ...SETTINGS, DATABASE_URL: database.url, REDIS_URL: redis.url, QUEUE_PREFIX: redis.prefix });

  async function spawnWorker(): Promise<Running> {
    const worker = runViewmill('worker', env());
    workers.push(worker);
    await worker.printed('worker ready');
    return worker;
  }
  async function stopWorkers(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await Promise.all(workers.map((worker) => worker.signalGroup(signal)));
    workers = [];
  }

  beforeAll(async () => {
    system = await startSystem(env());
    await Promise.all([spawnWorker(), spawnWorker()]);
  });
  afterAll(async () => {
    await system.close();
    await stopWorkers('SIGTERM');
  });

  const post = async (path: string) => (await system.call<Job>('POST', path)).body;
  const finished = async (job: string) => (await system.call<Job>('GET', `/analytics/jobs/${job}?wait=60s`)).body;
  const status = async () => (await system.call<ViewStatus>('GET', `${LABS}/status`)).body;
  const history = async () => (await system.call<{ history: RefreshRecord[] }>('GET', `${LABS}/history`)).body.history;
  const one = async <T>(statement: string): Promise<T> => (await database.pool.query(statement)).rows[0] as T;
  const contents = () =>
    one<object>(
      'select count(*)::int as n, md5(string_agg(md5(t::text), $$$$ order by id)) as rows from sqlonfhir.observation_labs t',
    );
  /** Records of the builds that are under way. */
  const underWay = async () => (await one<{ n: number }>('select count(*)::int as n from sqlonfhir._sharded')).n;
  const shards = async () =>
    one<{ all: number; done: number }>('select count(*)::int as all, count(done_at)::int as done from sqlonfhir._shard');
  /** Keeps every shard from being read, for the work. */
  async function holding(work: () => Promise<void>): Promise<void> {
    const holder = await database.pool.connect();
    try {
      await holder.query('begin; lock table hfj_res_ver in access exclusive mode');
      await work();
    } finally {
      await holder.query('rollback');
      holder.release();
    }
  }

  it('are made by all workers, and give the table that one worker gives', async () => {
    const { job } = await post(LABS);
    await until(async () => (await shards()).all > 2, { what: 'the build to be split' });
    expect(await finished(job)).toMatchObject({ state: 'completed', result: { mode: 'full', why: 'the view is new' } });
    const sharded = await contents();
    expect(await underWay()).toBe(0);
    expect(await status()).toMatchObject({ status: 'active', last_error: null });
    await database.pool.query(`update sqlonfhir._view set source_key = null where name = 'observation_labs'`);
    const whole = await startSystem({ ...env(), QUEUE_PREFIX: `${redis.prefix}whole`, SHARD_RESOURCES: '0' });
    try {
      await whole.startWorker();
      const refreshed = await whole.call<Job>('POST', `${LABS}/refresh?wait=60s&mode=full`);
      expect(refreshed.body).toMatchObject({ state: 'completed', result: { mode: 'full' } });
    } finally {
      await whole.close();
    }
    expect(await contents()).toEqual(sharded);
  });

  it('survive the death of every worker: finished shards are kept, the others built by whoever comes', async () => {
    const before = { rows: await contents(), generation: (await status()).generation };
    let job = '';
    await holding(async () => {
      job = (await post(`${LABS}/refresh?mode=full`)).job;
      await until(async () => (await shards()).all > 2, { what: 'the build to be split' });
      expect((await status()).status).toBe('refreshing');
      await stopWorkers('SIGKILL');
      // As if a shard had been finished before the end: its record says so.
      await database.pool.query(
        `update sqlonfhir._shard set rows = 0, resources = 0, quarantined = 0, quarantine = '[]', done_at = now() where shard = 0`,
      );
    });
    expect(await contents()).toEqual(before.rows);
    // Alone it would not split a build, but finishes this one.
    await spawnWorker();
    // The comparison of keys finds what that shard lacks.
    expect(await finished(job)).toMatchObject({ state: 'completed', result: { mode: 'full' } });
    expect(await contents()).toEqual(before.rows);
    expect((await status()).generation).toBeGreaterThan(before.generation ?? 0);
    expect(await underWay()).toBe(0);
  });

  it('are one build when asked for twice, and what changed meanwhile is in it', async () => {
    await spawnWorker();
    const jobs: string[] = [];
    await holding(async () => {
      jobs.push((await post(`${LABS}/refresh?mode=full`)).job);
      await until(async () => (await underWay()) === 1 && (await shards()).all > 2, { what: 'the build to be split' });
      jobs.push((await post(`${LABS}/refresh?mode=full`)).job);
    });
    const results = await Promise.all(jobs.map(finished));
    expect(results.map(({ state }) => state)).toEqual(['completed', 'completed']);
    const succeeded = (await history()).filter(({ outcome }) => outcome === 'succeeded');
    expect(succeeded.length).toBeGreaterThan(0);
    expect(await underWay()).toBe(0);
    expect(await status()).toMatchObject({ status: 'active' });
  });

  it('leave nothing when they are cancelled', async () => {
    const before = await contents();
    let job = '';
    await holding(async () => {
      job = (await post(`${LABS}/refresh?mode=full`)).job;
      await until(async () => (await shards()).all > 2, { what: 'the build to be split' });
      await system.call('DELETE', `/analytics/jobs/${job}`);
    });
    expect(await finished(job)).toMatchObject({ state: 'cancelled' });
    await until(async () => (await underWay()) === 0, { what: 'the build to be taken back' });
    expect(await contents()).toEqual(before);
    expect((await history())[0]).toMatchObject({ outcome: 'cancelled' });
    const { n } = await one<{ n: number }>(`select count(*)::int as n from pg_class c join pg_namespace s on s.oid = relnamespace
      where s.nspname = 'sqlonfhir' and relkind = 'r' and relname ~ '^_g[0-9]+_observation_labs$'`);
    expect(n).toBe(1);
    expect(await system.call('POST', `${LABS}/refresh?wait=30s`)).toMatchObject({ body: { state: 'completed' } });
  });
});

describe('full builds in shards, with the queue on PostgreSQL', () => {
  const database = useDatabase('demo');

  it('are made by two workers', async () => {
    const system = await startSystem({ ...SETTINGS, DATABASE_URL: database.url, QUEUE_DATABASE_URL: database.url });
    try {
      await system.startWorker();
      await system.startWorker();
      const { body } = await system.call<Job>('POST', `${LABS}?wait=60s`);
      expect(body).toMatchObject({ state: 'completed', result: { mode: 'full' } });
      const { rows } = await database.pool.query('select count(*)::int as n from sqlonfhir._generation where view = $1', [
        'observation_labs',
      ]);
      expect(rows[0].n).toBe(1);
    } finally {
      await system.close();
    }
  });
});
