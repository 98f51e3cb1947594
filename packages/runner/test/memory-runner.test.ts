import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ndjsonSource, restSource, type TextSource } from '@viewmill/fhir-source';
import { createMemoryRunner, type ViewRunner } from '@viewmill/runner';
import { startFhirServer, type TestFhirServer, until } from '@viewmill/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { rowsOf, searchOf, viewOf, where } from './fixture.ts';

const VIEW = viewOf('Observation', {
  id: 'getResourceKey()',
  patient_id: 'subject.getReferenceKey(Patient)',
  value: 'value.ofType(Quantity).value',
});
const observation = (id: number, value = `${id}.50`): string =>
  `{"resourceType":"Observation","id":"o${id}","meta":{"lastUpdated":"2024-01-0${(id % 9) + 1}T00:00:00Z"},"subject":{"reference":"Patient/p${id % 3}"},"valueQuantity":{"value":${value}}}`;
const TEXTS = Array.from({ length: 100 }, (_, index) => observation(index));

describe('the memory runner', () => {
  let server: TestFhirServer;
  let folder = '';
  let hold: (number: number) => boolean;
  let closed = 0;

  beforeEach(async () => {
    hold = () => false;
    closed = 0;
    server = await startFhirServer({
      resources: () => TEXTS,
      before: (request, _, number) => {
        if (!hold(number)) return false;
        request.socket.once('close', () => {
          closed += 1;
        });
        return true;
      },
    });
    folder = await mkdtemp(join(tmpdir(), 'viewmill-runner-'));
  });
  afterEach(async () => {
    await server.close();
    await rm(folder, { recursive: true });
  });

  const rest = (maxRows?: number): ViewRunner =>
    createMemoryRunner({
      source: restSource({ baseUrl: server.url, pageSize: 10 }),
      ...(maxRows === undefined ? {} : { maxRows }),
    });

  it('keeps digits and says where rows come from, as of when', async () => {
    const before = new Date().toISOString();
    const answer = await rest().execute(VIEW, where('id eq o7'));
    expect(answer.rowsJson).toBe('[{"id":"o7","patient_id":"p1","value":7.50}]');
    expect(answer.columns).toEqual(['id', 'patient_id', 'value']);
    expect(answer.next).toBeNull();
    expect(answer.meta).toMatchObject({
      runner: 'memory',
      reason: 'computed in memory from 1 resource of the FHIR server',
      is_stale: false,
      rows: 1,
    });
    expect(answer.meta.as_of === null ? '' : answer.meta.as_of >= before && answer.meta.as_of <= new Date().toISOString()).toBe(
      true,
    );
  });

  it('asks the server only for what may match', async () => {
    const parameters = async (...conditions: string[]): Promise<Record<string, string>> => {
      const from = server.requests.length;
      await rest().executeCount(VIEW, where(...conditions));
      return Object.fromEntries(server.requests[from]?.url.searchParams ?? []);
    };
    expect(await parameters('patient in Patient/p1,p2')).toEqual({ _count: '10', patient: 'p1,p2' });
    expect(await parameters('patient_id eq p1')).toEqual({ _count: '10', patient: 'p1' });
    expect(await parameters('patient_id ne p1')).toEqual({ _count: '10' });
    expect(await parameters('id in o1,o2', 'value gt 1')).toEqual({ _count: '10', _id: 'o1,o2' });
    expect(await parameters('_id eq Observation/o1')).toEqual({ _count: '10', _id: 'o1' });
    expect(await parameters('_lastUpdated ge 2024-01-05')).toEqual({ _count: '10', _lastUpdated: 'ge2024-01-05T00:00:00.000Z' });
    expect(await parameters('_lastUpdated le 2024-01-05')).toEqual({ _count: '10', _lastUpdated: 'lt2024-01-06T00:00:00.000Z' });
    // Not an id: the server would take the comma and the bar for its own syntax.
    expect(await parameters('patient_id eq a|b')).toEqual({ _count: '10' });
    // Any kind of subject: the search parameter `patient` knows patients only.
    const any = viewOf('Observation', { subject_id: 'subject.getReferenceKey()' });
    await rest().executeCount(any, where('patient eq p1'));
    expect(Object.fromEntries(server.requests.at(-1)?.url.searchParams ?? [])).not.toHaveProperty('patient');
  });

  it('stops reading when a page is full, and hangs up', async () => {
    hold = (number) => number > 2;
    const answer = await rest().execute(VIEW, searchOf({ limit: 12 }));
    expect([answer.meta.rows, answer.next === null]).toEqual([12, false]);
    // Page three is held back by the server for ever: it was under way, and is given up.
    await until(() => server.requests.length < 3 || closed === 1);
    expect(server.requests.length).toBeLessThanOrEqual(3);
  });

  it('keeps no more rows than the limit and MAX_ROWS', async () => {
    const sort = [{ field: 'value', descending: true }];
    const rows = await rowsOf(rest(3), VIEW, searchOf({ sort }));
    expect(rows.map(({ id }) => id)).toEqual(['o99', 'o98', 'o97']);
    expect(await rowsOf(rest(3), VIEW, searchOf({ limit: 5 }), 2)).toHaveLength(2);
    expect((await rest().execute(VIEW, searchOf({ limit: 0 }))).rowsJson).toBe('[]');
    await expect(rest().execute(VIEW, searchOf(), -1)).rejects.toMatchObject({ code: 'VM2001' });
  });

  it('gives cursors for the same view, order, conditions and runner only', async () => {
    const runner = rest();
    const sort = [{ field: 'value', descending: false }];
    const { next } = await runner.execute(VIEW, { ...where('value gt 10'), sort, limit: 2 });
    expect(await rowsOf(runner, VIEW, { ...where('value gt 10'), sort, limit: 2, cursor: next })).toMatchObject([
      { id: 'o12' },
      { id: 'o13' },
    ]);
    for (const search of [{ ...where('value gt 11'), sort }, where('value gt 10'), { ...where('value gt 10'), sort: [] }])
      await expect(runner.execute(VIEW, { ...search, cursor: next })).rejects.toMatchObject({ code: 'VM2001', at: 'cursor' });
    const parts = JSON.parse(Buffer.from(next ?? '', 'base64url').toString()) as unknown[];
    const forged = Buffer.from(JSON.stringify([parts[0], ['no number'], '1', '0'])).toString('base64url');
    await expect(runner.execute(VIEW, { ...where('value gt 10'), sort, cursor: forged })).rejects.toMatchObject({
      code: 'VM2001',
    });
  });

  it('finds ids that are written with escapes', async () => {
    await writeFile(join(folder, 'Observation.ndjson'), `${observation(1).replace('"o1"', '"o\\u0031"')}\n${observation(2)}`);
    const runner = createMemoryRunner({ source: ndjsonSource({ folder }) });
    expect(await rowsOf(runner, VIEW, where('_id eq o1'))).toMatchObject([{ id: 'o1', patient_id: 'p1' }]);
    expect(await rowsOf(runner, VIEW, where('patient eq p2'))).toMatchObject([{ id: 'o2' }]);
  });

  it('leaves out what is no resource, and says so', async () => {
    const lines = [
      observation(1),
      '{"resourceType":"Observation", broken}',
      '{"id":"untyped"}',
      '{"resourceType":"Patient","id":"other"}',
      observation(2),
    ];
    await writeFile(join(folder, 'Observation.ndjson'), lines.join('\n'));
    const broken: string[] = [];
    const runner = createMemoryRunner({ source: ndjsonSource({ folder }), onBroken: (place) => broken.push(place) });
    const { meta, rowsJson } = await runner.execute(VIEW, searchOf());
    expect((JSON.parse(rowsJson) as { id: string }[]).map(({ id }) => id)).toEqual(['o1', 'o2']);
    expect(meta.reason).toBe('computed in memory from 2 resources of the NDJSON files; 2 that could not be read were left out');
    expect(broken).toEqual(['Observation.ndjson:2', 'Observation.ndjson:3']);
    expect((await runner.executeCount(VIEW, searchOf())).count).toBe(2);
  });

  it('passes on what a resource does to a view, and where it stands', async () => {
    await writeFile(join(folder, 'Patient.ndjson'), '\n{"resourceType":"Patient","id":"p","name":[{"given":["s3cr3t","b"]}]}');
    const runner = createMemoryRunner({ source: ndjsonSource({ folder }) });
    const error = (await runner
      .execute(viewOf('Patient', { given: 'name.given' }), searchOf())
      .catch((thrown: unknown) => thrown)) as Error;
    expect(error).toMatchObject({ code: 'VM1201', message: expect.stringContaining('Patient.ndjson:2') as string });
    expect(error.message).not.toContain('s3cr3t');
  });

  it('ends at the deadline, while it waits and while it computes', async () => {
    await expect(rest().executeCount(VIEW, searchOf(), { deadline: Date.now() - 1 })).rejects.toMatchObject({ code: 'VM3007' });
    expect(server.requests).toHaveLength(0);
    hold = () => true;
    await expect(rest().executeCount(VIEW, searchOf(), { deadline: Date.now() + 100 })).rejects.toMatchObject({ code: 'VM3007' });
    await until(() => closed === server.requests.length);
    const endless: TextSource = {
      description: 'a source without end',
      async *read() {
        for (;;) yield { texts: TEXTS, place: () => '' };
      },
    };
    const counting = createMemoryRunner({ source: endless }).executeCount(VIEW, searchOf(), { deadline: Date.now() + 100 });
    await expect(counting).rejects.toMatchObject({ code: 'VM3007' });
  });

  it('names the field at fault', async () => {
    for (const [text, at] of [
      ['value eq abc', 'value'],
      ['nothing eq 1', 'nothing'],
      ['_lastUpdated eq soon', '_lastUpdated'],
    ] as const) {
      const error = (await rest()
        .execute(VIEW, where(text))
        .catch((thrown: unknown) => thrown)) as Error;
      expect(error).toMatchObject({ code: 'VM2009', at });
      expect(error.message).not.toMatch(/abc|soon/);
    }
    expect(server.requests).toHaveLength(0);
  });

  it('describes columns and counts queries', async () => {
    const runner = rest();
    expect(runner.getSchema(VIEW).map(({ name, sqlType }) => `${name} ${sqlType}`)).toEqual([
      'id text',
      'patient_id text',
      'value numeric',
    ]);
    await Promise.all([runner.executeCount(VIEW, searchOf()), runner.execute(VIEW, searchOf())]);
    runner.invalidate();
    expect(runner.stats()).toMatchObject({
      runner_type: 'memory',
      total_queries: 2,
      materialized_queries: 0,
      postgres_fallbacks: 0,
    });
    expect(runner.stats().avg_execution_time_ms).toBeGreaterThan(0);
  });
});
