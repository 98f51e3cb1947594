import { createCatalog, migrate } from '@viewmill/catalog';
import { refreshView } from '@viewmill/materializer';
import { createRunner, type RowsAnswer, replicaObstacle, type ViewRunner } from '@viewmill/runner';
import { putResource, until } from '@viewmill/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { builtIn, type Fixture, fixture, searchOf } from './fixture.ts';
import { type ReplicaServers, replicaServers } from './replica-servers.ts';

describe('read replicas', () => {
  const patients = builtIn('patient_simple');
  let servers: ReplicaServers;
  let made: Fixture;
  let runner: ViewRunner;
  let onTheFly: ViewRunner;
  let added = 0;

  beforeAll(async () => {
    servers = await replicaServers();
    made = await fixture(servers.primary);
    await migrate(servers.primary, { schema: 'sqlonfhir', readerRole: '' });
    await refresh();
    const catalog = createCatalog({ pool: servers.primary, schema: 'sqlonfhir' });
    const parts = { source: servers.primary, target: servers.primary, replicas: [servers.replica], probeMs: 1 };
    runner = createRunner({ kind: 'hybrid', ...parts, layout: made.layout, catalog });
    onTheFly = createRunner({ kind: 'postgres', ...parts, layout: made.layout, catalog });
  }, 120_000);
  afterAll(() => servers?.close(), 60_000);

  async function refresh(): Promise<void> {
    const catalog = createCatalog({ pool: servers.primary, schema: 'sqlonfhir' });
    const place = { source: servers.primary, target: servers.primary, catalog, layout: made.layout, reason: 'request' };
    await refreshView({ ...place, name: 'patient_simple', plan: patients.plan });
  }

  async function addPatient(): Promise<string> {
    added += 1;
    const id = `added-${added}`;
    const client = await servers.primary.connect();
    await putResource(client, { type: 'Patient', id, json: { resourceType: 'Patient', id, active: true } });
    client.release();
    return id;
  }

  const asks: readonly (readonly [string, () => Promise<RowsAnswer>])[] = [
    ['materialized', () => runner.execute(patients, searchOf())],
    ['exact', () => runner.execute(patients, searchOf(), undefined, { freshness: 'exact' })],
    ['on the fly', () => onTheFly.execute(patients, searchOf())],
  ];
  const byReplica = (ask: () => Promise<RowsAnswer>): Promise<RowsAnswer> =>
    until(
      async () => {
        const answer = await ask();
        return answer.meta.reason.includes('replica 1') ? answer : null;
      },
      { what: 'an answer from the replica', timeoutMs: 20_000 },
    ) as Promise<RowsAnswer>;

  it.each(asks)('%s: the replica answers once it has replayed enough, the primary while it has not', async (_kind, ask) => {
    await byReplica(ask);
    await servers.replica.query('select pg_wal_replay_pause()');
    await until(async () => {
      const { rows } = await servers.replica.query<{ state: string }>('select pg_get_wal_replay_pause_state() as state');
      return rows[0]?.state === 'paused';
    });
    const id = await addPatient();
    await refresh();
    const meanwhile = await ask();
    expect(meanwhile.meta.reason).not.toContain('replica');
    expect(meanwhile.rowsJson).toContain(`"${id}"`);
    await servers.replica.query('select pg_wal_replay_resume()');
    const later = await byReplica(ask);
    expect(later.rowsJson).toBe(meanwhile.rowsJson);
  });

  it('a commit that is not yet written to disk counts as present', async () => {
    const ask = asks[2]?.[1] ?? expect.fail();
    await byReplica(ask);
    const client = await servers.primary.connect();
    await client.query('set synchronous_commit = off');
    const json = { resourceType: 'Patient', id: 'async' };
    await putResource(client, { type: 'Patient', id: 'async', json });
    const answer = await ask();
    await client.query('reset synchronous_commit');
    client.release();
    expect(answer.rowsJson).toContain('"async"');
  });

  it('while the replica is down the primary answers; when it is back it is used again', async () => {
    for (const [, ask] of asks) await byReplica(ask);
    await servers.stopReplica();
    for (const [, ask] of asks) expect((await ask()).meta.reason).not.toContain('replica');
    expect(runner.stats().replicas?.[0]?.failed).toBeGreaterThan(0);
    await servers.startReplica();
    for (const [, ask] of asks) await byReplica(ask);
    expect(runner.stats().replicas?.[0]).toMatchObject({ answered: expect.any(Number), lagged: expect.any(Number) });
  }, 60_000);

  it('a primary is no replica, and is never asked as one', async () => {
    expect(await replicaObstacle(servers.primary, servers.replica)).toBeNull();
    expect(await replicaObstacle(servers.primary, servers.primary)).toBe('is no standby');
    const catalog = createCatalog({ pool: servers.primary, schema: 'sqlonfhir' });
    const [source, target, replicas] = [servers.primary, servers.primary, [servers.primary]];
    const wrong = createRunner({ kind: 'hybrid', source, target, replicas, layout: made.layout, catalog });
    expect((await wrong.execute(patients, searchOf())).meta.reason).not.toContain('replica');
    expect(wrong.stats().replicas).toMatchObject([{ answered: 0, failed: 1 }]);
  });
});
