import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Search } from '@viewmill/contracts';
import { ndjsonSource, restSource } from '@viewmill/fhir-source';
import { createMemoryRunner, type RunnableView, type ViewRunner } from '@viewmill/runner';
import { putResource, startFhirServer, type TestFhirServer, useDatabase } from '@viewmill/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fhirTexts } from './fhir-texts.ts';
import { builtIn, fixture, type Json, PATIENT_ORDERS, searchOf, viewOf, where } from './fixture.ts';
import { KINDS_VALUES, kindsResources, kindsView } from './kinds.ts';

/** What the demo's patients leave out: times of death, texts beyond ASCII, equal keys. */
const PATIENTS = ['1999-12-31T23:30:00+02:00', '1999-12-31T21:30:00Z', '2001', '2001-01-01', '2010-05-06T07:08:09.123Z'].map(
  (time, index) =>
    `{"resourceType":"Patient","gender":"${index % 2 === 0 ? 'female' : 'other'}","deceasedDateTime":"${time}","name":[{"family":"${['Zoë', 'Åberg', '\u{1F600}', 'Åberg', 'a'][index]}"}],"active":${index > 2}}`,
);
const TYPES = ['Patient', 'Condition', 'Observation', 'MedicationRequest'];

describe('the memory runner gives what PostgreSQL gives', () => {
  const database = useDatabase('demo');
  const texts = new Map<string, string[]>();
  let postgres: ViewRunner;
  let rest: ViewRunner;
  let files: ViewRunner;
  let server: TestFhirServer;
  let folder = '';

  beforeAll(async () => {
    const client = await database.pool.connect();
    try {
      for (const [index, json] of kindsResources().entries()) await putResource(client, { type: 'Basic', id: `k${index}`, json });
      for (const [index, json] of PATIENTS.entries())
        await putResource(client, { type: 'Patient', id: `p${index}`, json, updated: new Date(Date.UTC(2023, index)) });
    } finally {
      client.release();
    }
    postgres = (await fixture(database.pool)).runner('postgres');
    for (const type of [...TYPES, 'Basic']) texts.set(type, await fhirTexts(database.pool, type));
    server = await startFhirServer({ resources: (type) => texts.get(type) ?? [], next: 'base' });
    rest = createMemoryRunner({ source: restSource({ baseUrl: server.url, pageSize: 300 }) });
    folder = await mkdtemp(join(tmpdir(), 'viewmill-memory-'));
    for (const [type, lines] of texts) await writeFile(join(folder, `${type}.ndjson`), gzipSync(lines.join('\n')));
    files = createMemoryRunner({ source: ndjsonSource({ folder }) });
  });
  afterAll(async () => {
    await server?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Rows in any order, as texts; or the code of the error. */
  async function outcome(runner: ViewRunner, view: RunnableView, search: Search): Promise<unknown> {
    try {
      const { rowsJson } = await runner.execute(view, search);
      const { count } = await runner.executeCount(view, search);
      const rows = lines(rowsJson);
      expect(count).toBe(rows.length);
      return rows.sort();
    } catch (error) {
      const { code, at } = error as { code?: string; at?: string };
      if (code === undefined) throw error;
      return { code, at };
    }
  }

  async function same(view: RunnableView, search: Search, runners = [rest, files]): Promise<number> {
    const expected = await outcome(postgres, view, search);
    for (const runner of runners) {
      const actual = await outcome(runner, view, search);
      // Not toEqual on thousands of rows, which would take long to print.
      if (JSON.stringify(actual) === JSON.stringify(expected)) continue;
      throw new Error(`${JSON.stringify(search.conditions)}: ${difference(actual, expected)}`);
    }
    return Array.isArray(expected) ? expected.length : -1;
  }

  const searches: [string, ...string[]][] = [
    ['patient_simple'],
    ['patient_simple', 'gender eq female', 'birth_date lt 1970-01-01'],
    ['patient_simple', 'birth_date ge 1980-06-15'],
    ['patient_simple', 'family gt M', 'family lt S'],
    ['patient_simple', 'active eq true'],
    ['patient_simple', 'deceased_time_at gt 2000-01-01T00:00:00+02:00'],
    ['patient_simple', 'deceased_time_at ne 2000-01-01'],
    ['patient_simple', '_lastUpdated ge 2020'],
    ['patient_simple', '_lastUpdated ne 2023-02', '_lastUpdated lt 2025-06-01T10:00:00Z'],
    ['patient_simple', 'patient in PATIENT,nobody'],
    ['condition_simple'],
    ['condition_simple', 'patient eq PATIENT'],
    ['condition_simple', 'patient in Patient/PATIENT,nobody', 'clinical_status ne resolved'],
    ['condition_simple', '_id eq CONDITION'],
    ['condition_simple', 'id in CONDITION,x', '_id in CONDITION,y'],
    ['condition_simple', 'encounter_id eq ENCOUNTER'],
    ['condition_simple', 'onset_at ge 2015-01-01', 'onset_at lt 2016-01-01 00:00:00-05'],
    ['condition_simple', 'recorded_date_at le 2014-12-31'],
    ['condition_simple', 'text in nothing,Sinusitis~(disorder)'],
    ['condition_simple', '_lastUpdated gt 2021-01', 'code ne 44054006'],
    ['condition_simple', 'onset_at ge nonsense'],
    ['observation_labs', 'value ge 100.50'],
    ['observation_labs', 'value lt 4.1e0', 'value gt 0.5'],
    ['observation_labs', 'effective_at ge 2015-06-01', 'unit in mg/dL,mmol/L'],
    ['observation_labs', 'patient eq PATIENT', 'value ne 5'],
    ['observation_labs', 'issued_at lt 2018-02-03T04:05:06.789Z'],
    ['observation_labs', 'value eq abc'],
    ['medication_requests', 'authored_on_at ge 2010-01-01', 'status in active,stopped'],
    ['medication_requests', 'dose le 1.0', 'frequency ge 1'],
  ];

  it.each(searches.map((search) => [search.join(' and '), search] as const))('%s', async (_, [name, ...conditions]) => {
    const { rows } = await database.pool.query<{ patient_id: string; id: string; encounter_id: string }>(
      `select l.fhir_id patient_id, r.fhir_id id, (v.res_text_vc::json) #>> '{encounter,reference}' encounter_id
       from hfj_resource r join hfj_res_ver v using (res_id, res_ver) join hfj_res_link k on k.src_resource_id = r.res_id
       join hfj_resource l on l.res_id = k.target_resource_id
       where r.res_type = 'Condition' and l.res_type = 'Patient' and r.res_deleted_at is null order by r.res_id limit 1`,
    );
    const [{ patient_id, id, encounter_id } = { patient_id: '', id: '', encounter_id: '' }] = rows;
    const filled = conditions.map((text) =>
      text
        .replace('PATIENT', patient_id)
        .replace('CONDITION', id)
        .replace('ENCOUNTER', encounter_id?.replace('Encounter/', '') ?? ''),
    );
    const [columns = [], rest] = [filled.map((text) => text.split(' ')), filled];
    const search = columns.some((parts) => parts.length > 3)
      ? searchOf({
          conditions: columns.map(([field = '', operator = 'eq', ...value]) => ({
            field,
            operator: operator as 'eq',
            values: [value.join(' ')],
          })),
        })
      : where(...rest);
    expect(await same(builtIn(name), search)).not.toBe(0);
  });

  it.each(Object.keys(KINDS_VALUES))('compares %s as its type', async (column) => {
    let matches = 0;
    for (const value of KINDS_VALUES[column] ?? []) {
      for (const operator of ['eq', 'ne', 'gt', 'ge', 'lt', 'le'] as const)
        matches += await same(kindsView, searchOf({ conditions: [{ field: column, operator, values: [value] }] }), [files]);
    }
    expect(matches).toBeGreaterThan(0);
    const values = [...(KINDS_VALUES[column] ?? [])].slice(0, 3);
    for (const operator of ['in', 'ne'] as const)
      await same(kindsView, searchOf({ conditions: [{ field: column, operator, values }] }), [files]);
  });

  it.each(PATIENT_ORDERS)('sorts by %j, page by page', async (...fields) => {
    await samePages(builtIn('patient_simple'), fields, 4);
  });

  it.each(Object.keys(KINDS_VALUES).filter((column) => !column.startsWith('list_')))('sorts by %s', async (column) => {
    await samePages(kindsView, [column], 5);
    await samePages(kindsView, [`-${column}`], 5);
  });

  it('sorts many rows with few in hand', async () => {
    const sort = ['-value', 'effective_at'].map((field) => ({
      field: field.replace('-', ''),
      descending: field.startsWith('-'),
    }));
    for (const limit of [1, 50]) {
      const search = searchOf({ sort, limit });
      const expected = lines((await postgres.execute(builtIn('observation_labs'), search)).rowsJson);
      expect(lines((await files.execute(builtIn('observation_labs'), search)).rowsJson)).toEqual(expected);
    }
  });

  it('pages in the source’s order without a sort', async () => {
    await samePages(builtIn('condition_simple'), [], 130);
    await samePages(viewOf('Patient', { id: 'getResourceKey()', given: { path: 'name.given.first()' } }), [], 4);
  });

  async function samePages(view: RunnableView, fields: readonly string[], limit: number): Promise<void> {
    const sort = fields.map((field) => ({ field: field.replace('-', ''), descending: field.startsWith('-') }));
    const all = lines((await postgres.execute(view, searchOf({ sort }))).rowsJson);
    for (const runner of [rest, files]) {
      const paged: string[] = [];
      let cursor: string | null = null;
      do {
        const answer = await runner.execute(view, searchOf({ sort, cursor, limit }));
        paged.push(...lines(answer.rowsJson));
        cursor = answer.next;
      } while (cursor !== null);
      expect(paged).toEqual(all);
    }
  }
});

/** The rows as texts: their digits are compared, not what JavaScript makes of them. */
function lines(rowsJson: string): string[] {
  const rows = (JSON.parse(rowsJson) as Json[]).length;
  const texts = rowsJson === '[]' ? [] : rowsJson.slice(1, -1).split(/(?<=\}),(?=\{)/);
  expect(texts).toHaveLength(rows);
  return texts;
}

function difference(actual: unknown, expected: unknown): string {
  if (!Array.isArray(actual) || !Array.isArray(expected))
    return `${JSON.stringify(actual)} for ${JSON.stringify(expected)}`.slice(0, 2000);
  const surplus = actual.filter((row) => !expected.includes(row)).slice(0, 5);
  const missing = expected.filter((row) => !actual.includes(row)).slice(0, 5);
  return JSON.stringify({ rows: actual.length, expected: expected.length, surplus, missing });
}
