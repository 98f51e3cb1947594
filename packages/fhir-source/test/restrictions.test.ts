import {
  compressedResources,
  currentResources,
  detectHapi,
  type HapiLayout,
  instantRange,
  type RangeOperator,
  readLinkCoverage,
  restrictedIds,
  restrictToIds,
  restrictToTargets,
  restrictToUpdated,
} from '@viewmill/fhir-source';
import { describeWithShared, putResource, useDatabase } from '@viewmill/testkit';
import type { Pool } from 'pg';
import type { Sql } from 'sql-template-tag';
import { beforeAll, expect, it } from 'vitest';
import { BODY } from './resources.ts';

const PUBLIC = { schema: 'public', timeZone: 'UTC' };

async function ids(pool: Pool, layout: HapiLayout, type: string, restriction: Sql): Promise<string[]> {
  const compressed = await compressedResources(pool, layout, type, restriction);
  const { rows } = await pool.query<{ id: string; res_id: string }>(
    currentResources(layout, type, BODY, restriction, compressed),
  );
  const again = await pool.query<{ res_id: string }>(restrictedIds(layout, type, restriction));
  expect(again.rows.map(({ res_id }) => res_id).sort()).toEqual(rows.map(({ res_id }) => res_id).sort());
  return rows.map(({ id }) => id).sort();
}

async function bySubject(pool: Pool, patient: string): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(
    `select r.fhir_id id from hfj_resource r join hfj_res_ver v using (res_id, res_ver)
     where r.res_type = 'Observation' and r.res_deleted_at is null and v.res_text_vc::jsonb #>> '{subject,reference}' = 'Patient/' || $1`,
    [patient],
  );
  return rows.map(({ id }) => id).sort();
}

describeWithShared('restrictions', () => {
  const database = useDatabase('hapi');
  let layout: HapiLayout;
  let patient = '';

  beforeAll(async () => {
    layout = await detectHapi(database.pool, PUBLIC);
    const { rows } = await database.pool.query<{ id: string }>(
      `select max(fhir_id) id from hfj_resource where res_type = 'Patient'`,
    );
    patient = rows[0]?.id ?? '';
  });

  it('by id, of the type only', async () => {
    expect(await ids(database.pool, layout, 'Patient', restrictToIds(layout, 'Patient', [patient, 'nobody']))).toEqual([patient]);
    expect(await ids(database.pool, layout, 'Observation', restrictToIds(layout, 'Observation', [patient]))).toEqual([]);
  });

  it('by patient, through the index of references', async () => {
    const coverage = await readLinkCoverage(database.pool, layout, 'Observation', 'subject');
    if (coverage === null) throw new Error('the dump has links');
    expect(coverage.unlinked).toEqual([]);
    const expected = await bySubject(database.pool, patient);
    expect(expected.length).toBeGreaterThan(0);
    const restriction = restrictToTargets(layout, 'Observation', coverage, 'Patient', [patient]);
    const found = await ids(database.pool, layout, 'Observation', restriction);
    expect(found).toEqual(expect.arrayContaining(expected));
    expect(found.length).toBeLessThan(15_078);
    expect(
      await ids(database.pool, layout, 'Observation', restrictToTargets(layout, 'Observation', coverage, null, [patient])),
    ).toEqual(found);
  });

  it('by patient loses nothing that has no link: neither what was there nor what comes', async () => {
    const { pool } = database;
    const put = async (id: string) => {
      const client = await pool.connect();
      try {
        await putResource(client, {
          type: 'Observation',
          id,
          json: { resourceType: 'Observation', subject: { reference: `Patient/${patient}` } },
        });
        await client.query(
          `delete from hfj_res_link where src_resource_id = (select res_id from hfj_resource where fhir_id = $1)`,
          [id],
        );
      } finally {
        client.release();
      }
    };
    await put('unlinked');
    const coverage = await readLinkCoverage(pool, layout, 'Observation', 'subject');
    if (coverage === null) throw new Error('the dump has links');
    expect(coverage.unlinked).toHaveLength(1);
    await put('later');
    const found = await ids(
      pool,
      layout,
      'Observation',
      restrictToTargets(layout, 'Observation', coverage, 'Patient', [patient]),
    );
    expect(found).toEqual(expect.arrayContaining(['unlinked', 'later']));
    // An element that nothing refers through, and a type that has none.
    expect(await readLinkCoverage(pool, layout, 'Observation', 'patient')).toBeNull();
    expect(await readLinkCoverage(pool, layout, 'Organization', 'subject')).toBeNull();
  });

  it('by time of the last update, in the server’s zone', async () => {
    const { pool } = database;
    await pool.query(`update hfj_resource set res_updated = '2026-07-01 00:30:00' where res_type = 'Goal'`);
    const zurich = await detectHapi(pool, { schema: 'public', timeZone: 'Europe/Zurich' });
    const count = async (zoned: HapiLayout, operator: RangeOperator, text: string) => {
      const range = instantRange(text);
      if (range === null) throw new Error(text);
      return (await ids(pool, zoned, 'Goal', restrictToUpdated(zoned, operator, range))).length;
    };
    for (const [operator, utcJune, utcJuly] of [
      ['eq', 0, 175],
      ['ne', 175, 0],
      ['gt', 175, 0],
      ['ge', 175, 175],
      ['lt', 0, 0],
      ['le', 0, 175],
    ] as const) {
      expect([operator, await count(layout, operator, '2026-06'), await count(layout, operator, '2026-07')]).toEqual([
        operator,
        utcJune,
        utcJuly,
      ]);
    }
    expect(await count(zurich, 'eq', '2026-06-30T22:30:00Z')).toBe(175);
    expect(await count(zurich, 'eq', '2026-06-30')).toBe(175);
    expect(await count(layout, 'le', '9999')).toBe(175);
  });
});

describeWithShared('restrictions on an old server', () => {
  const database = useDatabase('hapi-6.6');

  it('finds ids in hfj_forced_id and keys, and has no links to use', async () => {
    const { pool } = database;
    expect(await readLinkCoverage(pool, await detectHapi(pool, PUBLIC), 'Observation', 'subject')).toBeNull();
    await pool.query('alter table hfj_resource drop column fhir_id');
    const layout = await detectHapi(pool, PUBLIC);
    const { rows } = await pool.query<{ id: string; key: string }>(
      `select forced_id id, resource_pid::text key from hfj_forced_id where resource_type = 'Patient' order by 1 limit 2`,
    );
    const [first, second] = rows;
    await pool.query('delete from hfj_forced_id where forced_id = $1', [second?.id]);
    const found = await ids(
      pool,
      layout,
      'Patient',
      restrictToIds(layout, 'Patient', [first?.id ?? '', first?.key ?? '', second?.key ?? '', second?.id ?? '']),
    );
    expect(found).toEqual([first?.id, second?.key].sort());
  });
});
