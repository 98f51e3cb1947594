import { migrate } from '@viewmill/catalog';
import type { RefreshRecord, StoredDefinition, ViewStatus } from '@viewmill/contracts';
import { describeWithRedis, useDatabase } from '@viewmill/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type System, startSystem } from './system.ts';

interface Rows {
  readonly columns: string[];
  readonly rows: Record<string, unknown>[];
  readonly next: string | null;
  readonly meta: {
    runner: string;
    as_of: string | null;
    is_stale: boolean;
    rows: number;
    queue_ms: number;
    database_ms: number;
    reason: string;
  };
}

const GENDERS = {
  resourceType: 'ViewDefinition',
  name: 'genders',
  status: 'active',
  resource: 'Patient',
  select: [
    {
      column: [
        { name: 'id', path: 'getResourceKey()', type: 'id' },
        { name: 'gender', path: 'gender', type: 'code' },
      ],
    },
  ],
};

describeWithRedis('the API, with a worker', (redis) => {
  const database = useDatabase('demo');
  let system: System;

  beforeAll(async () => {
    system = await startSystem({ DATABASE_URL: database.url, REDIS_URL: redis.url, QUEUE_PREFIX: redis.prefix });
    await system.startWorker();
  });
  afterAll(() => system.close());

  const call: System['call'] = (method, path, body) => system.call(method, path, body);

  it('lists the built-in definitions', async () => {
    const { status, body } = await call<{ total: number; definitions: StoredDefinition[] }>('GET', '/analytics/view-definitions');
    expect(status).toBe(200);
    expect(body.definitions.map(({ name }) => name)).toEqual([
      'condition_diagnoses',
      'condition_simple',
      'medication_requests',
      'observation_labs',
      'patient_demographics',
      'patient_simple',
      'procedure_history',
    ]);
  });

  it('computes a view on the fly while it is not materialized, and says so', async () => {
    const { status, body, headers } = await call<Rows>('GET', '/analytics/view-definitions/patient_simple/execute?_count=2');
    expect(status).toBe(200);
    expect(body.rows).toHaveLength(2);
    expect(body.meta).toMatchObject({ runner: 'postgres', is_stale: false, rows: 2 });
    expect(body.meta.queue_ms).toBeGreaterThanOrEqual(0);
    expect(body.next).not.toBeNull();
    expect(headers.get('x-viewmill-runner')).toBe('postgres');
    expect(headers.get('server-timing')).toMatch(/^queue;dur=[\d.]+, database;dur=[\d.]+$/);
  });

  it('materializes everything: 202 with a job, which can be waited for', async () => {
    const accepted = await call<{ job: string; state: string }>('POST', '/analytics/materialized-views/create-all');
    expect(accepted.status).toBe(202);
    expect(accepted.headers.get('location')).toBe(`/analytics/jobs/${encodeURIComponent(accepted.body.job)}`);
    const sweep = await call<{ state: string; result: { enqueued: { job: string }[] } }>(
      'GET',
      `${accepted.headers.get('location')}?wait=30s`,
    );
    expect(sweep.body.state).toBe('completed');
    expect(sweep.body.result.enqueued).toHaveLength(7);
    for (const { job } of sweep.body.result.enqueued) {
      expect((await call<{ state: string }>('GET', `/analytics/jobs/${job}?wait=60s`)).body.state).toBe('completed');
    }
    const { body } = await call<{ total: number; views: ViewStatus[] }>('GET', '/analytics/materialized-views');
    expect(body.views.map(({ status }) => status)).toEqual(Array(7).fill('active'));
  });

  it('answers the same rows from the materialized view', async () => {
    const materialized = await call<Rows>('GET', '/analytics/view-definitions/condition_simple/execute?_sort=id&_count=20');
    expect(materialized.body.meta.runner).toBe('materialized');
    expect(materialized.body.meta.as_of).toMatch(/^\d{4}-\d\d-\d\dT/);
    const { definition } = (await call<StoredDefinition>('GET', '/analytics/view-definitions/condition_simple')).body;
    const inline = await call<Rows>('POST', '/analytics/query', {
      view: definition,
      search: { sort: [{ field: 'id', descending: false }], limit: 20 },
    });
    expect(inline.body.meta.runner).toBe('postgres');
    expect(inline.body.rows).toEqual(materialized.body.rows);
    expect(inline.body.columns).toEqual(materialized.body.columns);
  });

  it('pages with a cursor through every row once', async () => {
    const seen: unknown[] = [];
    let path: string | null = '/analytics/view-definitions/patient_simple/execute?_count=2&_sort=-birth_date';
    while (path !== null) {
      const { body }: { body: Rows } = await call<Rows>('GET', path);
      seen.push(...body.rows.map(({ id }) => id));
      path =
        body.next === null
          ? null
          : `/analytics/view-definitions/patient_simple/execute?_count=2&_sort=-birth_date&cursor=${encodeURIComponent(body.next)}`;
    }
    const { count } = (await call<{ count: number }>('GET', '/analytics/view-definitions/patient_simple/count')).body;
    expect(seen).toHaveLength(count);
    expect(new Set(seen).size).toBe(count);
  });

  it('finds a patient’s rows, by GET and by POST', async () => {
    const some = await call<Rows>('GET', '/analytics/view-definitions/observation_labs/execute?_count=1');
    const patient = String(some.body.rows[0]?.['patient_id']);
    const got = await call<Rows>('GET', `/analytics/view-definitions/observation_labs/execute?patient=${patient}`);
    const posted = await call<Rows>('POST', '/analytics/view-definitions/observation_labs/execute', {
      conditions: [{ field: 'patient', operator: 'eq', values: [patient] }],
    });
    expect(got.body.rows.length).toBeGreaterThan(0);
    expect(new Set(got.body.rows.map((row) => row['patient_id']))).toEqual(new Set([patient]));
    expect(posted.body.rows).toEqual(got.body.rows);
    const count = await call<{ count: number }>('GET', `/analytics/view-definitions/observation_labs/count?patient=${patient}`);
    expect(count.body.count).toBe(got.body.rows.length);
  });

  it('describes the columns', async () => {
    const { body } = await call<{ columns: { name: string; type: string; sqlType: string; description: string }[] }>(
      'GET',
      '/analytics/view-definitions/patient_simple/schema',
    );
    expect(body.columns[0]).toMatchObject({ name: 'id', type: 'id', sqlType: 'text' });
    expect(body.columns.every(({ description }) => description !== '')).toBe(true);
  });

  it('refreshes and keeps a history', async () => {
    const refreshed = await call<{ state: string; result: { generation: number; rows: number } }>(
      'POST',
      '/analytics/materialized-views/patient_simple/refresh?wait=30s',
    );
    expect(refreshed.status).toBe(200);
    expect(refreshed.body.state).toBe('completed');
    const { body } = await call<{ history: RefreshRecord[] }>('GET', '/analytics/materialized-views/patient_simple/history');
    expect(body.history.map(({ outcome }) => outcome)).toEqual(['succeeded', 'succeeded']);
    const status = await call<ViewStatus>('GET', '/analytics/materialized-views/patient_simple/status');
    expect(status.body.generation).toBe(refreshed.body.result.generation);
    expect(status.body.row_count).toBe(refreshed.body.result.rows);
    expect(status.body.indexes.length).toBeGreaterThan(0);
  });

  it('stores, changes, materializes and deletes a definition of one’s own', async () => {
    const created = await call<StoredDefinition>('POST', '/analytics/view-definitions', GENDERS);
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject({ name: 'genders', version: 1, builtin: false });
    expect((await call('POST', '/analytics/view-definitions', GENDERS)).status).toBe(409);
    expect((await call('POST', '/analytics/materialized-views/genders?wait=30s')).status).toBe(200);
    const before = await call<Rows>('GET', '/analytics/view-definitions/genders/execute?gender=female');
    expect(before.body.meta.runner).toBe('materialized');
    const changed = { ...GENDERS, where: [{ path: "gender = 'female'" }] };
    expect((await call<StoredDefinition>('PUT', '/analytics/view-definitions/genders', changed)).body.version).toBe(2);
    // The rows of the old definition no longer answer: they are computed until the next refresh.
    const after = await call<Rows>('GET', '/analytics/view-definitions/genders/execute');
    expect(after.body.meta.runner).toBe('postgres');
    expect(after.body.rows).toEqual(before.body.rows);
    expect((await call('DELETE', '/analytics/materialized-views/genders?wait=30s')).status).toBe(200);
    expect((await call('DELETE', '/analytics/view-definitions/genders')).status).toBe(204);
    expect((await call('GET', '/analytics/view-definitions/genders')).status).toBe(404);
  });

  it('tells health and statistics', async () => {
    const { body } = await call('GET', '/analytics/materialized-views/health');
    expect(body).toMatchObject({ status: 'healthy', total_views: 7, stale_views: 0, unhealthy_views: 0 });
    expect((await call('GET', '/analytics/health')).body).toMatchObject({ status: 'healthy' });
    expect((await call('GET', '/health/ready')).status).toBe(200);
    expect(Object.keys((await call('GET', '/analytics/runner-stats')).body).sort()).toEqual([
      'avg_execution_time_ms',
      'cache_hits',
      'materialized_queries',
      'postgres_fallbacks',
      'runner_type',
      'total_queries',
    ]);
  });

  it('streams all rows as JSON, NDJSON and CSV, equal in number to the count', async () => {
    const path = '/analytics/view-definitions/observation_labs';
    const { count } = (await call<{ count: number }>('GET', `${path}/count`)).body;
    const json = await call<Rows>('GET', `${path}/execute`);
    expect(json.body.rows).toHaveLength(count);
    expect(json.body.meta.rows).toBe(count);
    expect(json.body.next).toBeNull();
    const lines = (await call('GET', `${path}/execute?_format=ndjson`)).text.trimEnd().split('\n');
    expect(lines).toHaveLength(count);
    expect(Object.keys(JSON.parse(lines[0] ?? '{}'))).toEqual(json.body.columns);
    const csv = await call('GET', `${path}/execute?_format=csv&_count=3`);
    expect(csv.headers.get('content-type')).toContain('text/csv');
    expect(csv.text.split('\r\n')[0]).toBe(json.body.columns.join(','));
    expect((await call('GET', `${path}/execute?_format=xml`)).status).toBe(406);
  });

  it('serves OpenAPI 3.1 and Bull Board', async () => {
    const { body } = await call<{ openapi: string; paths: Record<string, unknown> }>('GET', '/docs/json');
    expect(body.openapi).toBe('3.1.0');
    expect(Object.keys(body.paths)).toContain('/analytics/view-definitions/{name}/execute');
    const board = await call('GET', '/admin/queues');
    expect(board.status).toBe(200);
    expect(board.text).toContain('Viewmill');
    const queues = await call<{ queues: { name: string }[] }>('GET', '/admin/queues/api/queues');
    expect(queues.body.queues).toHaveLength(4);
  });

  describe('mistakes are answered with a code, the place and what to do', () => {
    it.each([
      ['GET', '/analytics/view-definitions/nothing', undefined, 404, 'VM2002'],
      ['GET', '/analytics/view-definitions/nothing/execute', undefined, 404, 'VM2002'],
      ['GET', '/analytics/view-definitions/bad-name', undefined, 400, 'VM2001'],
      ['GET', '/analytics/view-definitions/patient_simple/execute?colour=red', undefined, 400, 'VM2009'],
      ['GET', '/analytics/view-definitions/patient_simple/execute?birth_date:after=2000', undefined, 400, 'VM2009'],
      ['GET', '/analytics/view-definitions/patient_simple/execute?_count=many', undefined, 400, 'VM2009'],
      ['GET', '/analytics/view-definitions/patient_simple/execute?cursor=x', undefined, 400, 'VM2001'],
      ['GET', '/analytics/materialized-views/nothing/status', undefined, 404, 'VM2006'],
      ['POST', '/analytics/materialized-views/nothing', undefined, 404, 'VM2002'],
      ['POST', '/analytics/materialized-views/nothing/refresh', undefined, 404, 'VM2006'],
      ['POST', '/analytics/materialized-views/patient_simple/refresh?wait=soon', undefined, 400, 'VM2001'],
      ['GET', '/analytics/jobs/nothing', undefined, 404, 'VM2004'],
      ['GET', '/nowhere', undefined, 404, 'VM2007'],
      ['PUT', '/analytics/view-definitions/patient_simple', { ...GENDERS, name: 'patient_simple' }, 403, 'VM2005'],
      ['POST', '/analytics/view-definitions', { ...GENDERS, name: undefined }, 422, 'VM1106'],
      [
        'POST',
        '/analytics/query',
        { view: { resource: 'Patient', select: [{ column: [{ name: 'x', path: 'nam' }] }] } },
        422,
        'VM1003',
      ],
    ])('%s %s', async (method, path, body, status, code) => {
      const answer = await call<{ code: string; help: string; detail: string }>(method, path, body);
      expect([answer.status, answer.body.code]).toEqual([status, code]);
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
      expect(answer.body.help).not.toBe('');
    });

    it('with every diagnostic of a definition and its position', async () => {
      const view = {
        resource: 'Patient',
        select: [
          {
            column: [
              { name: 'a', path: 'nam' },
              { name: 'b', path: 'name.where(' },
            ],
          },
        ],
      };
      const { body } = await call<{ diagnostics: { at: string; code: string; position: unknown }[] }>(
        'POST',
        '/analytics/query',
        { view },
      );
      expect(body.diagnostics.map(({ code }) => code)).toEqual(['VM1003', 'VM1001']);
      expect(body.diagnostics[0]).toMatchObject({ at: 'select[0].column[0].path', position: { line: 1, column: 1 } });
    });
  });
});

describeWithRedis('the API, without a worker', (redis) => {
  const database = useDatabase('demo');
  let system: System;

  beforeAll(async () => {
    await migrate(database.pool, { schema: 'sqlonfhir', readerRole: '' });
    system = await startSystem({
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      QUEUE_PREFIX: redis.prefix,
      QUERY_TIMEOUT_SECONDS: '2',
    });
  });
  afterAll(() => system.close());

  it('lets a query wait until the time-out, then answers 503 with Retry-After', async () => {
    const { status, body, headers } = await system.call<{ code: string }>(
      'GET',
      '/analytics/view-definitions/patient_simple/execute',
    );
    expect([status, body.code]).toEqual([503, 'VM3001']);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it('answers a query that waited once a worker comes', async () => {
    const waiting = system.call<Rows>('GET', '/analytics/view-definitions/patient_simple/count');
    const [answer] = await Promise.all([waiting, system.startWorker()]);
    expect(answer.status).toBe(200);
  });
});
