import { createCatalog, migrate } from '@viewmill/catalog';
import { disableLive, enableLive } from '@viewmill/fhir-source';
import { refreshView } from '@viewmill/materializer';
import { createRunner, type ViewRunner } from '@viewmill/runner';
import { deleteResource, putResource, useDatabase } from '@viewmill/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { builtIn, type Fixture, fixture, rowsOf, searchOf, where } from './fixture.ts';

/** With views that the materializer made: only those know what they were made from. */
describe.each(['keys compared', 'live capture'])('exact reads, %s', (how) => {
  const database = useDatabase('demo');
  const labs = builtIn('observation_labs');
  const patients = builtIn('patient_simple');
  let made: Fixture;
  let runner: ViewRunner;
  let patient = '';
  const exact = { freshness: 'exact' } as const;

  beforeAll(async () => {
    made = await fixture(database.pool);
    await migrate(database.pool, { schema: 'sqlonfhir', readerRole: '' });
    const catalog = createCatalog({ pool: database.pool, schema: 'sqlonfhir' });
    const place = { source: database.pool, target: database.pool, catalog, layout: made.layout, reason: 'request' };
    const client = await database.pool.connect();
    if (how === 'live capture') await enableLive(client, 'sqlonfhir', made.layout);
    for (const { name, plan } of [labs, patients]) await refreshView({ ...place, name: name ?? '', plan });
    runner = createRunner({ kind: 'hybrid', source: database.pool, target: database.pool, layout: made.layout, catalog });
    const [first] = await rowsOf(runner, labs, searchOf({ limit: 1 }));
    patient = String(first?.['patient_id']);
    // One result of the patient goes, one moves to another patient, one comes from there, one is new.
    const mine = await rowsOf(runner, labs, where(`patient eq ${patient}`));
    const [others] = await rowsOf(runner, labs, where(`patient_id ne ${patient}`));
    const text = (subject: string, code: string): string =>
      JSON.stringify({
        ...{ resourceType: 'Observation', status: 'final', subject: { reference: `Patient/${subject}` } },
        ...{ category: [{ coding: [{ code: 'laboratory' }] }], code: { coding: [{ code }] }, valueQuantity: { value: 1 } },
      }).replace('"value":1', '"value":1.50');
    await deleteResource(client, 'Observation', String(mine[0]?.['id']));
    await putResource(client, { type: 'Observation', id: String(mine[1]?.['id']), json: text('somebody', 'moved') });
    await putResource(client, { type: 'Observation', id: String(others?.['id']), json: text(patient, 'came') });
    // The same characters, escaped in a way that nobody does.
    const escaped = text(patient, 'escaped').replace(
      `Patient/${patient}`,
      `Patient\\/\\u00${patient.charCodeAt(0).toString(16)}${patient.slice(1)}`,
    );
    await putResource(client, { type: 'Observation', id: 'escaped', json: escaped });
    await putResource(client, { type: 'Observation', id: 'new', json: text(patient, 'new') });
    client.release();
  });
  afterAll(async () => {
    const client = await database.pool.connect();
    await disableLive(client, 'sqlonfhir', made.layout);
    client.release();
  });

  it.each([
    ['everything', searchOf()],
    ['a patient', 'patient'],
    ['codes', where('status eq final', 'code in new,came,moved,escaped')],
    ['an id', where('_id eq new')],
    ['an order and a limit', searchOf({ sort: [{ field: 'code', descending: true }], limit: 20 })],
    ['_lastUpdated', where('_lastUpdated ge 2026-01-01')],
  ])('%s: the rows are those of a computation from the resources', async (_what, given) => {
    const search = given === 'patient' ? where(`patient eq ${patient}`) : (given as ReturnType<typeof searchOf>);
    const computed = await made.runner('postgres').execute(labs, search);
    const answer = await runner.execute(labs, search, undefined, exact);
    expect(answer.rowsJson).toBe(computed.rowsJson);
    expect(answer.meta).toMatchObject({
      runner: 'materialized',
      is_stale: false,
      reason: expect.stringContaining(how) as string,
    });
    const { count } = await runner.executeCount(labs, { ...search, limit: null }, exact);
    expect(count).toBe((await made.runner('postgres').executeCount(labs, search)).count);
    expect((await runner.execute(labs, search)).rowsJson).not.toBe(computed.rowsJson);
  });

  it('pages go on from where they ended', async () => {
    const sort = [{ field: 'code', descending: false }];
    const all = await rowsOf(made.runner('postgres'), labs, searchOf({ sort }));
    const rows: unknown[] = [];
    let cursor: string | null = null;
    do {
      const page = await runner.execute(labs, searchOf({ sort, limit: 97, cursor }), undefined, exact);
      rows.push(...(JSON.parse(page.rowsJson) as unknown[]));
      cursor = page.next;
    } while (cursor !== null);
    expect(rows).toEqual(all);
  });

  it('what is not materialized, or from another definition, is computed from the resources', async () => {
    const inline = await runner.execute({ name: null, plan: labs.plan }, searchOf({ limit: 1 }), undefined, exact);
    expect(inline.meta.runner).toBe('postgres');
    const other = await runner.execute({ name: 'observation_labs', plan: patients.plan }, searchOf(), undefined, exact);
    expect(other.meta.runner).toBe('postgres');
    expect((await runner.execute(patients, searchOf({ limit: 1 }), undefined, exact)).meta.runner).toBe('materialized');
  });
});
