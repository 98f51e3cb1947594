import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describeWithRedis, putResource, until, useDatabase } from '@viewmill/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type System, startSystem } from './system.ts';

const MAIN = fileURLToPath(new URL('../../apps/cli/dist/main.js', import.meta.url));
const VIEWS = '/analytics/materialized-views';
const PATIENTS = '/analytics/view-definitions/patient_simple';

describeWithRedis('freshness, through the API', (redis) => {
  const database = useDatabase('demo');
  let system: System;
  const env = () => ({
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    QUEUE_PREFIX: redis.prefix,
    LIVE_REFRESH_SECONDS: '0.05',
    VIEW_GROUPS: 'clinic = patient_simple, condition_simple',
  });

  beforeAll(async () => {
    system = await startSystem(env());
    await system.startWorker();
    const created = await system.call('POST', `${VIEWS}/create-all?wait=30s`);
    for (const { job } of (created.body as { result: { enqueued: { job: string }[] } }).result.enqueued)
      await system.call('GET', `/analytics/jobs/${job}?wait=30s`);
  });
  afterAll(() => system.close());

  const put = async (id: string, gender: string): Promise<void> => {
    const client = await database.pool.connect();
    await putResource(client, { type: 'Patient', id, json: { resourceType: 'Patient', gender } });
    client.release();
  };
  const viewmill = async (...args: string[]) =>
    (await promisify(execFile)(process.execPath, [MAIN, ...args], { env: { ...process.env, ...env() } })).stdout;
  const genderOf = async (id: string, freshness = '') =>
    (await system.call<{ rows: { gender: string }[] }>('GET', `${PATIENTS}/execute?_id=${id}${freshness}`)).body.rows[0]?.gender;
  const countFemale = async (headers: Record<string, string>) => {
    const answer = await fetch(`${system.api.url}${PATIENTS}/count?gender=female`, { headers });
    return (await answer.json()) as { count: number; meta: { runner: string; reason: string; as_of: string } };
  };

  it('a read is as fresh as it asks to be, by parameter or by header', async () => {
    await put('f-1', 'female');
    expect(await genderOf('f-1')).toBeUndefined();
    expect(await genderOf('f-1', '&freshness=any')).toBeUndefined();
    expect(await genderOf('f-1', '&freshness=bounded:3600')).toBeUndefined();
    expect(await genderOf('f-1', '&freshness=bounded:0')).toBe('female');
    expect(await genderOf('f-1', '&freshness=exact')).toBe('female');
    const any = await countFemale({});
    const exact = await countFemale({ prefer: 'respond-async, freshness="exact"' });
    expect(exact.count).toBe(any.count + 1);
    expect(exact.meta).toMatchObject({ runner: 'materialized', reason: expect.stringContaining('all keys compared') });
    expect(Date.parse(exact.meta.as_of)).toBeGreaterThan(Date.parse(any.meta.as_of));
    const wrong = await system.call('GET', `${PATIENTS}/count?freshness=soon`);
    expect(wrong).toMatchObject({ status: 400, body: { code: 'VM2001', at: 'freshness' } });
  });

  it('a refresh says how it was done, and can be told how', async () => {
    const refreshed = await system.call('POST', `${VIEWS}/patient_simple/refresh?wait=30s`);
    expect(refreshed.body).toMatchObject({ state: 'completed', result: { mode: 'delta', changed: 1 } });
    expect(await genderOf('f-1')).toBe('female');
    const full = await system.call('POST', `${VIEWS}/patient_simple/refresh?wait=30s&mode=full`);
    expect(full.body).toMatchObject({ result: { mode: 'full', why: 'as asked' } });
    expect((await system.call('POST', `${VIEWS}/patient_simple/refresh?mode=half`)).status).toBe(400);
    const { body } = await system.call<{ history: object[] }>('GET', `${VIEWS}/patient_simple/history?limit=2`);
    expect(body.history).toMatchObject([
      { mode: 'full', why: 'as asked' },
      { mode: 'delta', changed: 1 },
    ]);
  });

  it('groups and refresh-all?consistent=true publish one state of the source', async () => {
    const groups = await system.call('GET', `${VIEWS}/groups`);
    expect(groups.body).toEqual({ groups: { clinic: ['patient_simple', 'condition_simple'] } });
    const clinic = await system.call<{ result: { as_of: string; refreshed: { view: string; as_of: string }[] } }>(
      'POST',
      `${VIEWS}/groups/clinic/refresh?wait=30s`,
    );
    expect(clinic.body.result.refreshed.map(({ view, as_of }) => [view, as_of])).toEqual([
      ['patient_simple', clinic.body.result.as_of],
      ['condition_simple', clinic.body.result.as_of],
    ]);
    const all = await system.call<{ result: { refreshed: { as_of: string }[] } }>(
      'POST',
      `${VIEWS}/refresh-all?wait=30s&consistent=true`,
    );
    expect(all.body.result.refreshed).toHaveLength(7);
    expect(new Set(all.body.result.refreshed.map(({ as_of }) => as_of)).size).toBe(1);
    expect((await system.call('POST', `${VIEWS}/groups/nobody/refresh`)).status).toBe(404);
  });

  it('viewmill live: views follow the source by themselves, and nothing is left when it is switched off', async () => {
    expect(await viewmill('live', 'status')).toBe('live capture is off\n');
    expect(await viewmill('live', 'enable', '--sql')).toContain('create trigger');
    expect(await viewmill('live', 'status')).toBe('live capture is off\n');
    expect(await viewmill('live', 'enable')).toContain('live capture is on');
    await put('f-2', 'male');
    await until(async () => (await genderOf('f-2')) === 'male', { what: 'the view to follow' });
    await put('f-2', 'female');
    await until(async () => (await genderOf('f-2')) === 'female', { what: 'the view to follow by live capture' });
    const modes = await system.call<{ history: { mode: string; reason: string }[] }>('GET', `${VIEWS}/patient_simple/history`);
    expect(modes.body.history).toContainEqual(expect.objectContaining({ mode: 'live', reason: 'change' }));
    const exact = await countFemale({ prefer: 'freshness=exact' });
    expect(exact.meta.reason).toContain('live capture');
    const status = JSON.parse(await viewmill('live', 'status', '--json'));
    expect(status).toMatchObject({ enabled: true, views: expect.arrayContaining([{ name: 'patient_simple', follows: true }]) });
    expect(await viewmill('live', 'disable')).toContain('live capture is off');
    const { rows } = await database.pool.query(`select 1 from pg_trigger where tgname like 'viewmill%'
      union all select 1 from pg_class where relname = '_outbox' union all select 1 from pg_proc where proname = '_capture'`);
    expect(rows).toEqual([]);
  });
});
