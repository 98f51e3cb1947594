import { createCatalog, migrate } from '@viewmill/catalog';
import { searchSchema } from '@viewmill/contracts';
import { detectHapi, type HapiLayout } from '@viewmill/fhir-source';
import { refreshView } from '@viewmill/materializer';
import { createRunner } from '@viewmill/runner';
import { deleteResource, describeWithShared, metaAdd, putResource, type TestDatabase, useDatabase } from '@viewmill/testkit';
import { builtInViews, compileView } from '@viewmill/views';
import type { PoolClient } from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';

type Rows = Record<string, unknown>[];

const SCHEMA = 'sqlonfhir';
const BUILT_IN = builtInViews().map(({ name, definition }) => ({ name, plan: compileView(definition) }));

/** One database with the catalog; `refresh` builds a view, `read` gives its rows by SQL, as an analyst would. */
function useViewmill(database: TestDatabase) {
  let layout: HapiLayout;
  beforeAll(async () => {
    await migrate(database.pool, { schema: SCHEMA, readerRole: '' });
    layout = await detectHapi(database.pool, { schema: 'public', timeZone: 'UTC' });
  });
  const place = () => {
    const { pool } = database;
    return { source: pool, target: pool, layout, catalog: createCatalog({ pool, schema: SCHEMA }) };
  };
  return {
    layout: () => layout,
    refresh: (definition: Record<string, unknown>) => {
      const plan = compileView(definition);
      return refreshView({ ...place(), name: plan.name, plan, reason: 'test' });
    },
    read: async (sql: string): Promise<Rows> => (await database.pool.query(sql)).rows as Rows,
    runner: (kind: 'postgres' | 'materialized') => createRunner({ ...place(), kind, rememberMs: 0 }),
    change: async (work: (client: PoolClient) => Promise<unknown>) => {
      const client = await database.pool.connect();
      try {
        await work(client);
      } finally {
        client.release();
      }
    },
  };
}

const definitionOf = (name: string): Record<string, unknown> => ({
  ...builtInViews().find((view) => view.name === name)?.definition,
});

describeWithShared('on the dump of a HAPI 8.8 database', () => {
  const database = useDatabase('hapi');
  const viewmill = useViewmill(database);

  /** Written by hand, with PostgreSQL's own JSON operators, from the rules of HAPI's tables; shares nothing with the compiler. */
  const BY_HAND = `
    select r.fhir_id as id, substring(j #>> '{subject,reference}' from '^Patient/(.*)$') as patient_id,
      substring(j #>> '{encounter,reference}' from '^Encounter/(.*)$') as encounter_id, j #>> '{code,coding,0,code}' as code,
      j #>> '{code,coding,0,system}' as code_system, j #>> '{code,coding,0,display}' as display, j #>> '{code,text}' as text,
      j #>> '{clinicalStatus,coding,0,code}' as clinical_status, j #>> '{verificationStatus,coding,0,code}' as verification_status,
      j #>> '{category,0,coding,0,code}' as category, j #>> '{severity,coding,0,display}' as severity, j ->> 'onsetDateTime' as onset,
      case length(j ->> 'onsetDateTime') when 4 then (j ->> 'onsetDateTime') || '-01-01' when 7 then (j ->> 'onsetDateTime') || '-01'
        else j ->> 'onsetDateTime' end::timestamptz as onset_at,
      j ->> 'abatementDateTime' as abatement, (j ->> 'abatementDateTime')::timestamptz as abatement_at,
      j ->> 'recordedDate' as recorded_date, (j ->> 'recordedDate')::timestamptz as recorded_date_at
    from hfj_resource r join hfj_res_ver v on v.res_id = r.res_id and v.res_ver = r.res_ver, lateral (select v.res_text_vc::jsonb as j) p
    where r.res_type = 'Condition' and r.res_deleted_at is null order by 1`;

  it('condition_simple equals, row for row, an independent query', async () => {
    const result = await viewmill.refresh(definitionOf('condition_simple'));
    expect(result).toMatchObject({ rows: 781, resources: 781, quarantined: 0 });
    const rows = await viewmill.read(`select * from ${SCHEMA}.condition_simple order by id`);
    expect(rows).toEqual(await viewmill.read(BY_HAND));
    expect(rows).toHaveLength(781);
  });

  it('re-created Conditions occur once, deleted ones not at all', async () => {
    const recreated = await viewmill.read(`
      select fhir_id from hfj_resource r where res_type = 'Condition' and res_deleted_at is null
        and exists (select from hfj_res_ver v where v.res_id = r.res_id and v.res_encoding = 'DEL')`);
    expect(recreated).toHaveLength(4);
    const ids = recreated.map((row) => row['fhir_id']);
    const found = await database.pool.query(
      `select id, count(*)::int as n from ${SCHEMA}.condition_simple where id = any($1) group by id`,
      [ids],
    );
    expect(found.rows.map((row: { n: number }) => row.n)).toEqual([1, 1, 1, 1]);
    const deleted = await viewmill.read(`
      select 1 from ${SCHEMA}.condition_simple c join hfj_resource r on r.fhir_id = c.id and r.res_type = 'Condition' where r.res_deleted_at is not null`);
    expect(deleted).toEqual([]);
  });

  it('every live Observation is read, 15 078 of them', async () => {
    const definition = {
      resourceType: 'ViewDefinition',
      name: 'all_observations',
      status: 'active',
      resource: 'Observation',
      select: [{ column: [{ name: 'id', path: 'getResourceKey()', type: 'id' }] }],
    };
    expect(await viewmill.refresh(definition)).toMatchObject({ rows: 15_078, resources: 15_078, quarantined: 0 });
  });

  it.each(BUILT_IN)('$name: the materialized rows are those computed on the fly', async ({ name, plan }) => {
    await viewmill.refresh(definitionOf(name));
    const search = searchSchema.parse({ sort: [{ field: 'id', descending: false }] });
    const [materialized, postgres] = await Promise.all(
      (['materialized', 'postgres'] as const).map((kind) => viewmill.runner(kind).execute({ name, plan }, search)),
    );
    expect(materialized?.meta.rows).toBeGreaterThan(0);
    expect(materialized?.rowsJson).toBe(postgres?.rowsJson);
  });

  describe('changes made as HAPI makes them show after a refresh', () => {
    const tags = {
      resourceType: 'ViewDefinition',
      name: 'patient_tags',
      status: 'active',
      resource: 'Patient',
      select: [
        {
          column: [
            { name: 'id', path: 'getResourceKey()', type: 'id' },
            { name: 'gender', path: 'gender', type: 'code' },
            { name: 'version', path: 'meta.versionId', type: 'id' },
            { name: 'tags', path: 'meta.tag.code', type: 'code', collection: true },
          ],
        },
      ],
    };
    const one = async (id: string) =>
      (await database.pool.query(`select * from ${SCHEMA}.patient_tags where id = $1`, [id])).rows as Rows;

    it('an update, a delete and a $meta-add', async () => {
      await viewmill.refresh(tags);
      const [first, second, third] = (
        await viewmill.read(`select id from ${SCHEMA}.patient_tags where version = '1' order by id limit 3`)
      ).map((row) => String(row['id']));
      if (first === undefined || second === undefined || third === undefined) throw new Error('the dump has patients');
      const before = (await one(third))[0];
      await viewmill.change(async (client) => {
        await putResource(client, { type: 'Patient', id: first, json: { resourceType: 'Patient', gender: 'unknown' } });
        await deleteResource(client, 'Patient', second);
        await metaAdd(client, 'Patient', third, { system: 'urn:test', code: 'added' });
      });
      await viewmill.refresh(tags);
      expect((await one(first))[0]).toMatchObject({ gender: 'unknown', version: '2' });
      expect(await one(second)).toEqual([]);
      expect((await one(third))[0]).toEqual({ ...before, tags: [...((before?.['tags'] ?? []) as string[]), 'added'] });
    });
  });
});

describeWithShared('on the dump of a legacy HAPI 6.6 database', () => {
  const database = useDatabase('hapi-6.6');
  const viewmill = useViewmill(database);

  it('says what the old version lacks', () => {
    expect(viewmill.layout().notices.join('\n')).toMatch(/hfj_forced_id/);
  });

  it('has 1 510 live Observations', async () => {
    const definition = {
      resourceType: 'ViewDefinition',
      name: 'observation_values',
      status: 'active',
      resource: 'Observation',
      select: [
        {
          column: [
            { name: 'id', path: 'getResourceKey()', type: 'id' },
            { name: 'status', path: 'status', type: 'code' },
            { name: 'value', path: 'value.ofType(Quantity).value', type: 'decimal' },
          ],
        },
      ],
    };
    expect(await viewmill.refresh(definition)).toMatchObject({ rows: 1510, resources: 1510, quarantined: 0 });
  });

  it('has the values of the resources that live gzipped in large objects', async () => {
    const { gunzipSync } = await import('node:zlib');
    const compressed = await viewmill.read(`
      select f.forced_id as id, lo_get(v.res_text) as bytes from hfj_resource r
      join hfj_res_ver v on v.res_id = r.res_id and v.res_ver = r.res_ver join hfj_forced_id f on f.resource_pid = r.res_id
      where r.res_type = 'Observation' and r.res_deleted_at is null and v.res_encoding = 'JSONC'`);
    expect(compressed.length).toBeGreaterThan(100);
    const expected = compressed.map(({ id, bytes }) => {
      const { status, valueQuantity } = JSON.parse(gunzipSync(bytes as Buffer).toString('utf8')) as {
        status: string;
        valueQuantity?: { value: number };
      };
      return { id, status, value: valueQuantity?.value ?? null };
    });
    const ids = expected.map(({ id }) => id);
    const { rows } = await database.pool.query(
      `select id, status, value::float8 as value from ${SCHEMA}.observation_values where id = any($1)`,
      [ids],
    );
    const byId = (a: { id?: unknown }, b: { id?: unknown }): number => (String(a.id) < String(b.id) ? -1 : 1);
    expect((rows as Rows).sort(byId)).toEqual(expected.sort(byId));
  });

  it.each(BUILT_IN)('$name: the materialized rows are those computed on the fly', async ({ name, plan }) => {
    await viewmill.refresh(definitionOf(name));
    const search = searchSchema.parse({ sort: [{ field: 'id', descending: false }] });
    const [materialized, postgres] = await Promise.all(
      (['materialized', 'postgres'] as const).map((kind) => viewmill.runner(kind).execute({ name, plan }, search)),
    );
    expect(materialized?.rowsJson).toBe(postgres?.rowsJson);
  });
});
