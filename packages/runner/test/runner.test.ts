import { createRunner } from '@viewmill/runner';
import { deleteResource, describeWithShared, putResource, testDatabase, useDatabase } from '@viewmill/testkit';
import pg from 'pg';
import sql from 'sql-template-tag';
import { beforeAll, expect, it } from 'vitest';
import { builtIn, type Fixture, fixture, rowsOf, searchOf, viewOf, where } from './fixture.ts';

describeWithShared('the runners', () => {
  const database = useDatabase('hapi');
  let made: Fixture;
  const conditions = builtIn('condition_simple');

  beforeAll(async () => {
    made = await fixture(database.pool);
    await made.generations.build(database.pool, made.layout, conditions);
  });

  it('describe the columns', () => {
    const schema = made.runner('hybrid').getSchema(builtIn('patient_simple'));
    expect(schema.find(({ name }) => name === 'birth_date')).toEqual({
      name: 'birth_date',
      type: 'date',
      sqlType: 'date',
      description: expect.stringContaining('Date of birth') as string,
      collection: false,
    });
  });

  it('keep the digits of numbers and say where rows come from', async () => {
    const client = await database.pool.connect();
    try {
      const json = { resourceType: 'Observation', status: 'final', code: { text: 'x' } };
      const text = JSON.stringify(json).replace('{"text":"x"}', '{"text":"x"},"valueQuantity":{"value":4.10}');
      await putResource(client, { type: 'Observation', id: 'digits', json: text });
    } finally {
      client.release();
    }
    const view = viewOf('Observation', { id: 'getResourceKey()', value: 'value.ofType(Quantity).value' });
    const answer = await made.runner('hybrid').execute(view, where('_id eq digits'));
    expect(answer.rowsJson).toBe('[{"id":"digits","value":4.10}]');
    expect(answer.columns).toEqual(['id', 'value']);
    expect(answer.meta).toMatchObject({
      runner: 'postgres',
      is_stale: false,
      rows: 1,
      reason: expect.stringContaining('tested is not materialized') as string,
    });
    expect(Date.parse(answer.meta.as_of ?? '')).not.toBeNaN();
    const stored = await made.runner('hybrid').execute(conditions, searchOf({ limit: 1 }));
    expect(stored.meta).toMatchObject({
      runner: 'materialized',
      as_of: '2026-01-01T00:00:00.000Z',
      reason: 'read from generation 1',
    });
    expect(stored.meta.database_ms).toBeGreaterThan(0);
  });

  it('postgres sees a change at once, materialized does not', async () => {
    const before = await rowsOf(made.runner('postgres'), conditions);
    const client = await database.pool.connect();
    try {
      await deleteResource(client, 'Condition', String(before[0]?.['id']));
    } finally {
      client.release();
    }
    expect(await rowsOf(made.runner('postgres'), conditions)).toHaveLength(before.length - 1);
    expect(await rowsOf(made.runner('materialized'), conditions)).toHaveLength(before.length);
  });

  it('hybrid falls back for what no generation can answer, and counts it', async () => {
    const runner = made.runner('hybrid');
    await runner.execute(conditions, searchOf({ limit: 1 }));
    await runner.execute(conditions, searchOf({ limit: 1 }));
    expect((await runner.execute({ name: null, plan: conditions.plan }, searchOf({ limit: 1 }))).meta.runner).toBe('postgres');
    const changed = { name: 'condition_simple', plan: viewOf('Condition', { id: 'id' }).plan };
    const { meta } = await runner.executeCount(changed, searchOf());
    expect(meta).toMatchObject({ runner: 'postgres', reason: expect.stringContaining('another version') as string });
    expect(runner.stats()).toMatchObject({
      runner_type: 'hybrid',
      total_queries: 4,
      materialized_queries: 2,
      postgres_fallbacks: 2,
      cache_hits: 2,
    });
    expect(runner.stats().avg_execution_time_ms).toBeGreaterThan(0);
  });

  it('remembers which views are materialized until told of a change', async () => {
    const runner = made.runner('hybrid', { rememberMs: 60_000 });
    const view = { ...builtIn('patient_simple'), name: 'later' };
    expect((await runner.execute(view, searchOf({ limit: 1 }))).meta.runner).toBe('postgres');
    await made.generations.build(database.pool, made.layout, view);
    expect((await runner.execute(view, searchOf({ limit: 1 }))).meta.runner).toBe('postgres');
    runner.invalidate('later');
    expect((await runner.execute(view, searchOf({ limit: 1 }))).meta.runner).toBe('materialized');
    // Swapped and dropped behind its back.
    const old = made.generations.views.get('later');
    await made.generations.build(database.pool, made.layout, view);
    await database.pool.query(sql`drop table ${old?.relation}`);
    expect((await runner.execute(view, searchOf({ limit: 1 }))).meta.reason).toBe('read from generation 2');
    // Dropped for good.
    await database.pool.query(sql`drop table ${made.generations.views.get('later')?.relation}`);
    made.generations.views.delete('later');
    expect((await runner.execute(view, searchOf({ limit: 1 }))).meta.runner).toBe('postgres');
    await expect(made.runner('materialized').execute(view, searchOf())).rejects.toMatchObject({ code: 'VM2006' });
  });

  it('ends at the deadline', async () => {
    const runner = made.runner('postgres');
    await expect(runner.execute(conditions, searchOf(), undefined, { deadline: Date.now() - 1 })).rejects.toMatchObject({
      code: 'VM3007',
    });
    const blocker = await database.pool.connect();
    try {
      await blocker.query('begin; lock table hfj_resource in access exclusive mode');
      await expect(runner.executeCount(conditions, searchOf(), { deadline: Date.now() + 200 })).rejects.toMatchObject({
        code: 'VM3007',
      });
    } finally {
      await blocker.query('rollback');
      blocker.release();
    }
    expect((await runner.executeCount(conditions, searchOf(), { deadline: Date.now() + 30_000 })).count).toBeGreaterThan(0);
  });

  it('says that a database is not there', async () => {
    const nowhere = new pg.Pool({ connectionString: database.url.replace(database.name, 'nowhere') });
    const closed = new pg.Pool({ host: '127.0.0.1', port: 1 });
    try {
      for (const pool of [nowhere, closed]) {
        const runner = createRunner({
          kind: 'postgres',
          source: pool,
          target: pool,
          layout: made.layout,
          catalog: made.generations,
        });
        await expect(runner.execute(conditions, searchOf())).rejects.toMatchObject({ code: 'VM3002' });
      }
    } finally {
      await nowhere.end();
      await closed.end();
    }
  });

  it('survives the end of its session', async () => {
    const pool = new pg.Pool({ connectionString: database.url, max: 1, application_name: 'doomed' });
    pool.on('error', () => undefined);
    const blocker = await database.pool.connect();
    try {
      await blocker.query('begin; lock table hfj_resource in access exclusive mode');
      const runner = createRunner({
        kind: 'postgres',
        source: pool,
        target: pool,
        layout: made.layout,
        catalog: made.generations,
      });
      const running = runner.executeCount(conditions, searchOf());
      const outcome = running.catch((error: unknown) => error);
      await expect
        .poll(
          async () =>
            (
              await database.pool.query(
                `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'doomed' and wait_event_type = 'Lock'`,
              )
            ).rowCount,
        )
        .toBe(1);
      expect(await outcome).toMatchObject({ code: 'VM3002' });
      await blocker.query('rollback');
      expect((await runner.executeCount(conditions, searchOf())).count).toBeGreaterThan(0);
    } finally {
      blocker.release();
      await pool.end();
    }
  });

  it('passes on what a resource does to a view', async () => {
    const several = viewOf('Patient', { given: 'name.given' });
    await expect(made.runner('hybrid').execute(several, searchOf())).rejects.toMatchObject({ code: 'VM1201' });
  });
});

describeWithShared('the plans', () => {
  const database = useDatabase('hapi');

  it('read a patient’s rows through indexes, stored or computed', async () => {
    const made = await fixture(database.pool);
    const labs = builtIn('observation_labs');
    await made.generations.build(database.pool, made.layout, labs);
    const { rows } = await database.pool.query<{ id: string }>(
      `select fhir_id id from hfj_resource where res_type = 'Patient' order by 1 limit 1`,
    );
    const statements: pg.QueryConfig[] = [];
    const watched = new pg.Pool({ connectionString: database.url });
    watched.on('connect', (client) => {
      const query = client.query.bind(client) as (config: unknown, ...more: unknown[]) => unknown;
      Object.assign(client, {
        query: (config: unknown, ...more: unknown[]) => {
          statements.push(config as pg.QueryConfig);
          return query(config, ...more);
        },
      });
    });
    try {
      for (const kind of ['materialized', 'postgres'] as const) {
        const runner = made.runner(kind, { source: watched, target: watched });
        // The first query also finds out how far the index of references can be trusted, which reads everything.
        await runner.execute(labs, where(`patient eq ${rows[0]?.id}`));
        statements.length = 0;
        expect((await runner.execute(labs, where(`patient eq ${rows[0]?.id}`))).meta.rows).toBeGreaterThan(0);
        const questions = statements.filter(
          (statement) => typeof statement !== 'string' && statement.text.includes('row_to_json'),
        );
        expect(questions).toHaveLength(1);
        const [question] = questions;
        const plan = await database.pool.query<{ 'QUERY PLAN': string }>({
          text: `explain ${question?.text}`,
          values: question?.values ?? [],
        });
        const lines = plan.rows.map((row) => row['QUERY PLAN']);
        expect(lines.filter((line) => /Seq Scan on (?!pg_)/.test(line))).toEqual([]);
        expect(lines.some((line) => /(using|on) (observation_labs_1_patient_id_idx|idx_rl_tgt_v2)/.test(line))).toBe(true);
      }
    } finally {
      await watched.end();
    }
  });
});

describeWithShared('gzipped resources', () => {
  const database = useDatabase('hapi-6.6');

  it('are in the rows of the postgres runner', async () => {
    const made = await fixture(database.pool);
    const view = viewOf('Observation', {
      id: 'getResourceKey()',
      patient_id: 'subject.getReferenceKey(Patient)',
      value: 'value.ofType(Quantity).value',
    });
    await made.generations.build(database.pool, made.layout, view);
    const runner = made.runner('postgres');
    const rows = await rowsOf(runner, view);
    expect(rows).toHaveLength(1510);
    expect(await rowsOf(made.runner('materialized'), view)).toEqual(rows);
    const patient = String(rows[0]?.['patient_id']);
    const expected = rows.filter(({ patient_id }) => patient_id === patient);
    expect(await rowsOf(runner, view, where(`patient eq ${patient}`))).toEqual(expected);
    expect((await runner.executeCount(view, where(`patient eq ${patient}`))).count).toBe(expected.length);
  });
});

describeWithShared('a catalog in another database', () => {
  it('leaves to the resources what only HAPI’s tables know', async () => {
    const fhir = await testDatabase('hapi');
    const kept = await testDatabase();
    try {
      const made = await fixture(fhir.pool);
      const view = viewOf('Patient', { gender: 'gender' });
      await kept.pool.query(
        `create schema sqlonfhir; create table sqlonfhir.tested_1 as select 1::bigint res_id, 0 ordinal, 'kept' gender`,
      );
      made.generations.views.set('tested', {
        relation: sql`sqlonfhir.tested_1`,
        planHash: view.plan.hash,
        asOf: '2026-01-01T00:00:00.000Z',
        isStale: true,
        generation: 1,
      });
      const runner = made.runner('hybrid', { target: kept.pool });
      const answer = await runner.execute(view, searchOf());
      expect([answer.rowsJson, answer.meta.runner, answer.meta.is_stale]).toEqual(['[{"gender":"kept"}]', 'materialized', true]);
      const updated = await runner.executeCount(view, where('_lastUpdated ge 2000'));
      expect([updated.count, updated.meta.runner]).toEqual([120, 'postgres']);
      await expect(made.runner('materialized', { target: kept.pool }).execute(view, where('_id eq x'))).rejects.toMatchObject({
        code: 'VM2009',
        at: '_id',
      });
    } finally {
      await kept.close();
      await fhir.close();
    }
  });
});
