import { describeWithShared, useDatabase } from '@viewmill/testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { builtIn, type Fixture, fixture, type Json, PATIENT_ORDERS, rowsOf, searchOf, viewOf, where } from './fixture.ts';

const names = ['condition_simple', 'observation_labs', 'patient_simple'];
const lists = viewOf('Condition', {
  key: 'getResourceKey()',
  codes: { path: 'code.coding.code', collection: true },
  patient_ref: 'subject.reference',
  name: 'code.text',
});

describeWithShared('a search', () => {
  const database = useDatabase('hapi');
  let made: Fixture;
  let patient = '';
  let condition = '';

  beforeAll(async () => {
    made = await fixture(database.pool);
    for (const name of names) await made.generations.build(database.pool, made.layout, builtIn(name));
    await made.generations.build(database.pool, made.layout, lists);
    const { rows } = await database.pool.query<{ p: string; c: string }>(
      `select l.fhir_id p, r.fhir_id c from hfj_resource r join hfj_res_link k on k.src_resource_id = r.res_id
       join hfj_resource l on l.res_id = k.target_resource_id
       where r.res_type = 'Condition' and l.res_type = 'Patient' and r.res_deleted_at is null order by r.res_id limit 1`,
    );
    patient = rows[0]?.p ?? '';
    condition = rows[0]?.c ?? '';
  });

  /** Every runner's rows, which must be the same. */
  async function rows(view: string | typeof lists, ...conditions: string[]): Promise<Json[]> {
    const runnable = typeof view === 'string' ? builtIn(view) : view;
    const search = where(...conditions.map((text) => text.replace('PATIENT', patient).replace('CONDITION', condition)));
    const { rowsJson } = await made.runner('postgres').execute(runnable, search);
    const stored = await made.runner('materialized').execute(runnable, search);
    // The texts, not what they say: numbers must have the same digits. Not toEqual, which would take seconds to print megabytes.
    if (stored.rowsJson !== rowsJson) throw new Error('the runners differ');
    const computed = JSON.parse(rowsJson) as Json[];
    const { count, meta } = await made.runner('hybrid').executeCount(runnable, search);
    expect([count, meta.runner]).toEqual([computed.length, 'materialized']);
    expect((await made.runner('postgres').executeCount(runnable, search)).count).toBe(computed.length);
    return computed;
  }

  it('without conditions gives every row', async () => {
    expect(await rows('condition_simple')).toHaveLength(781);
    expect(await rows('patient_simple')).toHaveLength(120);
  });

  it('compares columns in their own type', async () => {
    const all = await rowsOf(made.runner('materialized'), builtIn('observation_labs'));
    const count = (keep: (row: { value: number; code: string; unit: string | null; effective_at: string }) => boolean): number =>
      all.filter((row) => keep(row as never)).length;
    const some = all.find(({ value }) => value !== null) as { value: number; code: string };
    expect(await rows('observation_labs', 'value ge 100')).toHaveLength(count(({ value }) => value !== null && value >= 100));
    expect(await rows('observation_labs', 'value lt 9.5', 'value gt 1e0')).toHaveLength(
      count(({ value }) => value > 1 && value < 9.5),
    );
    expect(await rows('observation_labs', `value eq ${some.value}0000`)).toHaveLength(
      count(({ value }) => value === some.value) * (String(some.value).includes('.') ? 1 : 0),
    );
    expect(await rows('observation_labs', `code ne ${some.code}`)).toHaveLength(count(({ code }) => code !== some.code));
    expect(await rows('observation_labs', `code in ${some.code},nothing`)).toHaveLength(count(({ code }) => code === some.code));
    const instant = Date.parse('2015-01-01T00:00:00+01:00');
    expect(await rows('observation_labs', 'effective_at le 2015-01-01T00:00:00+01:00')).toHaveLength(
      count(({ effective_at }) => effective_at !== null && Date.parse(effective_at) <= instant),
    );
    expect(await rows('patient_simple', 'birth_date lt 1950-01-01', 'gender eq female')).not.toHaveLength(0);
    expect(await rows('patient_simple', 'active eq true')).toHaveLength(
      (await rows('patient_simple')).filter(({ active }) => active === true).length,
    );
  });

  it('looks into lists', async () => {
    const [first] = await rows(lists);
    const [code = ''] = (first?.['codes'] ?? []) as string[];
    const found = await rows(lists, `codes eq ${code}`);
    expect(found.every(({ codes }) => (codes as string[]).includes(code))).toBe(true);
    expect(await rows(lists, `codes ne ${code}`)).toHaveLength(781 - found.length);
    await expect(rows(lists, `codes gt ${code}`)).rejects.toMatchObject({ code: 'VM2009', at: 'codes' });
  });

  it('by patient takes ids and references', async () => {
    const found = await rows('condition_simple', 'patient eq PATIENT');
    expect(found.length).toBeGreaterThan(0);
    expect(found.every(({ patient_id }) => patient_id === patient)).toBe(true);
    expect(await rows('condition_simple', 'patient in Patient/PATIENT,nobody')).toEqual(found);
    expect(await rows('condition_simple', 'patient eq nobody')).toEqual([]);
    expect(await rows('condition_simple', 'patient_id eq PATIENT')).toEqual(found);
    const encounter = String(found.find(({ encounter_id }) => encounter_id !== null)?.['encounter_id']);
    expect((await rows('condition_simple', `encounter_id eq ${encounter}`)).length).toBeGreaterThan(0);
    expect(await rows('condition_simple', 'patient eq PATIENT', `encounter_id ne ${encounter}`)).not.toEqual(found);
    expect((await rows('patient_simple', 'patient eq PATIENT')).map(({ id }) => id)).toEqual([patient]);
    await expect(rows(lists, 'patient eq PATIENT')).rejects.toMatchObject({ code: 'VM2009', at: 'patient' });
    await expect(rows('condition_simple', 'patient gt PATIENT')).rejects.toMatchObject({ code: 'VM2009' });
    await expect(rows('condition_simple', 'patient eq a/b')).rejects.toMatchObject({ code: 'VM2009' });
  });

  it('by _id, also where the view does not show it', async () => {
    expect((await rows('condition_simple', '_id eq CONDITION')).map(({ id }) => id)).toEqual([condition]);
    const hidden = viewOf('Condition', { patient_id: 'subject.getReferenceKey(Patient)' });
    await made.generations.build(database.pool, made.layout, { ...hidden, name: 'hidden' });
    expect(await rows({ ...hidden, name: 'hidden' }, '_id in Condition/CONDITION')).toEqual([{ patient_id: patient }]);
  });

  it('by _lastUpdated', async () => {
    await database.pool.query(
      `update hfj_resource set res_updated = '2031-05-05 12:00' where res_type = 'Condition' and fhir_id = $1`,
      [condition],
    );
    expect((await rows('condition_simple', '_lastUpdated ge 2031')).map(({ id }) => id)).toEqual([condition]);
    expect(await rows('condition_simple', '_lastUpdated lt 2031-05-05')).toHaveLength(780);
    await expect(rows('condition_simple', '_lastUpdated eq soon')).rejects.toMatchObject({ code: 'VM2009', at: '_lastUpdated' });
  });

  it('names the field at fault', async () => {
    for (const kind of ['postgres', 'materialized'] as const) {
      const runner = made.runner(kind);
      for (const [text, at] of [
        ['value eq abc', 'value'],
        ['effective_at gt 2020-13-45', 'effective_at'],
        ['value_integer in 1,99999999999', 'value_integer'],
        ['nothing eq 1', 'nothing'],
      ] as const) {
        const error: unknown = await runner
          .execute(builtIn('observation_labs'), where('code ne x', text))
          .catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({ code: 'VM2009', at });
        expect(String(error)).not.toMatch(/abc|2020-13|99999/);
      }
      const sorted = searchOf({ sort: [{ field: 'nothing', descending: false }] });
      await expect(runner.execute(builtIn('observation_labs'), sorted)).rejects.toMatchObject({ code: 'VM2009', at: '_sort' });
    }
  });

  describe('pages', () => {
    it.each([[], ...PATIENT_ORDERS])(
      'in the order %j neither repeat nor lose a row, whichever runner gives them',
      async (...fields) => {
        const view = builtIn('patient_simple');
        const sort = fields.map((field) => ({ field: field.replace('-', ''), descending: field.startsWith('-') }));
        const all = await rowsOf(made.runner('postgres'), view, searchOf({ sort }));
        expect(all).toHaveLength(120);
        const paged: Json[] = [];
        let cursor: string | null = null;
        let turn = 0;
        do {
          const runner = made.runner(turn % 2 === 0 ? 'materialized' : 'postgres');
          const answer = await runner.execute(view, searchOf({ sort, cursor, limit: 17 }));
          paged.push(...(JSON.parse(answer.rowsJson) as Json[]));
          expect(answer.next === null || /^[\w-]+$/.test(answer.next)).toBe(true);
          cursor = answer.next;
          turn += 1;
        } while (cursor !== null);
        expect(turn).toBe(8);
        expect(paged).toEqual(all);
      },
    );

    it('end where the rows end', async () => {
      const view = builtIn('patient_simple');
      const runner = made.runner('materialized', { maxRows: 100 });
      expect((await runner.execute(view, searchOf({ limit: 0 }))).rowsJson).toBe('[]');
      const first = await runner.execute(view, searchOf());
      expect([first.meta.rows, first.next === null]).toEqual([100, false]);
      const last = await runner.execute(view, searchOf({ cursor: first.next, limit: 20 }), 1000);
      expect([last.meta.rows, last.next]).toEqual([20, null]);
      expect((await runner.execute(view, searchOf({ limit: 50 }), 7)).meta.rows).toBe(7);
    });

    it('refuse a foreign cursor', async () => {
      const runner = made.runner('materialized');
      const sort = [{ field: 'birth_date', descending: false }];
      const { next } = await runner.execute(builtIn('patient_simple'), searchOf({ sort, limit: 1 }));
      const refused = async (name: string, input: Parameters<typeof searchOf>[0]) =>
        expect(runner.execute(builtIn(name), searchOf(input))).rejects.toMatchObject({ code: 'VM2001', at: 'cursor' });
      await refused('patient_simple', { cursor: next });
      await refused('condition_simple', { cursor: next });
      await refused('patient_simple', { cursor: 'nonsense', sort });
      const parts = JSON.parse(Buffer.from(next ?? '', 'base64url').toString()) as unknown[];
      for (const wrong of [
        [parts[0], ['no date'], '1', '0'],
        [parts[0], [null], '1;', '0'],
        [parts[0], [], '1', '0'],
        [parts[0], [{}], '1', '0'],
      ]) {
        await refused('patient_simple', { cursor: Buffer.from(JSON.stringify(wrong)).toString('base64url'), sort });
      }
    });
  });
});
