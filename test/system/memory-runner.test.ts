import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSettings } from '@viewmill/contracts';
import { createLogger } from '@viewmill/observability';
import { describeWithRedis, startFhirServer, type TestFhirServer, useDatabase } from '@viewmill/testkit';
import { startWorker } from '@viewmill/worker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type System, startSystem } from './system.ts';

const PATIENTS = ['female', 'male', 'female'].map(
  (gender, index) => `{"resourceType":"Patient","id":"p${index}","gender":"${gender}","birthDate":"198${index}-01-01"}`,
);

interface Rows {
  readonly rows: Record<string, unknown>[];
  readonly next: string | null;
  readonly meta: { readonly runner: string; readonly reason: string; readonly as_of: string };
}

describeWithRedis('a system that only queries a FHIR server', (redis) => {
  // No table of HAPI's is in it.
  const database = useDatabase('empty');
  let fhir: TestFhirServer;
  let system: System;

  beforeAll(async () => {
    fhir = await startFhirServer({ resources: (type) => (type === 'Patient' ? PATIENTS : []) });
    system = await startSystem({
      CATALOG_DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      QUEUE_PREFIX: redis.prefix,
      VIEWDEF_RUNNER: 'memory',
      FHIR_BASE_URL: fhir.url,
      FHIR_AUTHORIZATION: 'Bearer t0ken',
      FHIR_PAGE_SIZE: '2',
      SCHEDULES_ENABLED: 'true',
    });
    await system.startWorker();
  });
  afterAll(async () => {
    await system?.close();
    await fhir?.close();
  });

  it('answers from it', async () => {
    const path = '/analytics/view-definitions/patient_simple';
    const { status, body, headers } = await system.call<Rows>('GET', `${path}/execute?_sort=-birth_date&_count=2`);
    expect([status, headers.get('x-viewmill-runner')]).toEqual([200, 'memory']);
    expect(body.rows.map(({ id }) => id)).toEqual(['p2', 'p1']);
    expect(body.meta).toMatchObject({ runner: 'memory', reason: 'computed in memory from 3 resources of the FHIR server' });
    const next = await system.call<Rows>('GET', `${path}/execute?_sort=-birth_date&_count=2&cursor=${body.next}`);
    expect([next.body.rows.map(({ id }) => id), next.body.next]).toEqual([['p0'], null]);
    expect((await system.call<{ count: number }>('GET', `${path}/count?gender=female`)).body.count).toBe(2);
    expect(fhir.requests.every(({ headers: sent }) => sent.authorization === 'Bearer t0ken')).toBe(true);
    expect((await system.call('GET', '/analytics/runner-stats')).body).toMatchObject({ runner_type: 'memory' });
  });

  it('stores definitions and runs inline ones', async () => {
    const view = { resourceType: 'ViewDefinition', name: 'women', status: 'active', resource: 'Patient' };
    const select = [{ column: [{ name: 'id', path: 'id' }] }];
    const definition = { ...view, select, where: [{ path: "gender = 'female'" }] };
    expect((await system.call('POST', '/analytics/view-definitions', definition)).status).toBe(201);
    expect((await system.call<Rows>('GET', '/analytics/view-definitions/women/execute')).body.rows).toEqual([
      { id: 'p0' },
      { id: 'p2' },
    ]);
    const inline = await system.call<Rows>('POST', '/analytics/query', { view: definition, search: { limit: 1 } });
    expect([inline.body.rows, inline.body.meta.runner]).toEqual([[{ id: 'p0' }], 'memory']);
  });

  it('refuses to materialize, and says why', async () => {
    for (const path of ['patient_simple', 'create-all']) {
      const { body } = await system.call<{ state?: string; error?: { code: string; message: string } }>(
        'POST',
        `/analytics/materialized-views/${path}?wait=30s`,
      );
      expect(body).toMatchObject({
        state: 'failed',
        error: { code: 'VM3025', message: expect.stringContaining('VIEWDEF_RUNNER=memory') as string },
      });
    }
  });

  it('passes on what the FHIR server says', async () => {
    const { status, body } = await system.call('GET', '/analytics/view-definitions/patient_simple/execute?birth_date=x');
    expect([status, body['code']]).toEqual([400, 'VM2009']);
    await fhir.close();
    const gone = await system.call('GET', '/analytics/view-definitions/patient_simple/count');
    expect([gone.status, gone.body['code']]).toEqual([503, 'VM3021']);
    expect(gone.text).not.toContain('t0ken');
  });
});

describeWithRedis('a system that only queries NDJSON files', (redis) => {
  const database = useDatabase('empty');

  it('answers from them', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'viewmill-files-'));
    await writeFile(join(folder, 'Patient.ndjson'), PATIENTS.join('\n'));
    // DATABASE_URL is enough: then the catalog is kept there.
    const env = { DATABASE_URL: database.url, REDIS_URL: redis.url, QUEUE_PREFIX: redis.prefix };
    const system = await startSystem({ ...env, VIEWDEF_RUNNER: 'memory', FHIR_NDJSON_DIR: folder });
    try {
      await system.startWorker();
      const { body } = await system.call<Rows>('GET', '/analytics/view-definitions/patient_simple/execute?patient=p1');
      expect([body.rows.map(({ id }) => id), body.meta.runner]).toEqual([['p1'], 'memory']);
    } finally {
      await system.close();
      await rm(folder, { recursive: true });
    }
  });
});

describe('settings of the memory runner', () => {
  const wrong: [string, Record<string, string>][] = [
    ['FHIR_BASE_URL', {}],
    ['FHIR_NDJSON_DIR', { FHIR_BASE_URL: 'http://127.0.0.1:1/fhir', FHIR_NDJSON_DIR: '/tmp' }],
    ['FHIR_BASE_URL', { FHIR_BASE_URL: 's3cr3t' }],
    ['FHIR_CLIENT_ID', { FHIR_BASE_URL: 'http://x/fhir', FHIR_PRIVATE_KEY_FILE: 's3cr3t' }],
    ['FHIR_PRIVATE_KEY_FILE', { FHIR_BASE_URL: 'http://x/fhir', FHIR_CLIENT_ID: 's3cr3t' }],
    [
      'FHIR_AUTHORIZATION',
      { FHIR_BASE_URL: 'http://x', FHIR_AUTHORIZATION: 's3cr3t', FHIR_CLIENT_ID: 'a', FHIR_PRIVATE_KEY_FILE: 'b' },
    ],
    ['FHIR_TOKEN_URL', { FHIR_BASE_URL: 'http://x', FHIR_TOKEN_URL: 's3cr3t', FHIR_CLIENT_ID: 'a', FHIR_PRIVATE_KEY_FILE: 'b' }],
    ['DATABASE_URL', { FHIR_BASE_URL: 'http://x/fhir' }],
  ];

  it.each(wrong)('name %s if it is wrong', async (at, env) => {
    const settings = readSettings({ VIEWDEF_RUNNER: 'memory', ...env });
    const log = createLogger({ name: 'test', level: 'silent' });
    const error = (await startWorker({ settings, log }).then(
      () => null,
      (thrown: unknown) => thrown,
    )) as Error;
    expect(error).toMatchObject({ code: 'VM3005', at });
    expect(error.message).not.toContain('s3cr3t');
  });
});
