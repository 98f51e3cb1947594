import { gunzipSync } from 'node:zlib';
import { compressedResources, currentResources, detectHapi, hasCompressed, isCompressedMissing } from '@viewmill/fhir-source';
import { describeWithShared, useDatabase } from '@viewmill/testkit';
import { expect, it } from 'vitest';
import { BODY, type Row, readBoth } from './resources.ts';

const PUBLIC = { schema: 'public', timeZone: 'UTC' };

describeWithShared('HAPI 8.8', () => {
  const database = useDatabase('hapi');

  it.each([
    ['Patient', 120],
    ['Observation', 15_078],
    ['Condition', 781],
    ['DocumentReference', 1],
    ['Device', 0],
  ])('has the live %s resources, %i of them, each once', async (type, count) => {
    expect((await readBoth(database, type, BODY)).size).toBe(count);
  });

  it('gives the current version, by a query of its own', async () => {
    const { rows } = await database.pool.query<{ id: string; body: string }>(
      `select distinct on (r.res_id) r.fhir_id id, v.res_text_vc body from hfj_resource r, hfj_res_ver v
       where v.res_id = r.res_id and r.res_type = 'Patient' and r.res_deleted_at is null order by r.res_id, v.res_ver desc`,
    );
    const found = await readBoth(database, 'Patient');
    expect(new Map([...found].map(([id, { body }]) => [id, body]))).toEqual(new Map(rows.map(({ id, body }) => [id, body])));
  });

  it('leaves id and meta out unless needed', async () => {
    const layout = await detectHapi(database.pool, PUBLIC);
    const none = { id: false, meta: { version: false, tags: false }, whole: false };
    const { rows } = await database.pool.query<Row>(currentResources(layout, 'Condition', none));
    expect(rows.every(({ id, meta }) => id === null && meta === null)).toBe(true);
    const { fields } = await database.pool.query(currentResources(layout, 'Condition', none));
    expect(fields.map(({ name, dataTypeID }) => [name, dataTypeID])).toEqual([
      ['res_id', 20],
      ['id', 25],
      ['body', 25],
      ['meta', 3802],
    ]);
  });
});

describeWithShared('HAPI 6.6', () => {
  const database = useDatabase('hapi-6.6');

  it('reads gzip out of large objects', async () => {
    const { rows } = await database.pool.query<{ id: string; packed: Buffer }>(
      `select f.forced_id id, lo_get(v.res_text) packed from hfj_resource r join hfj_forced_id f on f.resource_pid = r.res_id
       join hfj_res_ver v on v.res_id = r.res_id and v.res_ver = r.res_ver
       where r.res_type = 'Observation' and r.res_deleted_at is null and v.res_encoding = 'JSONC'`,
    );
    expect(rows).toHaveLength(213);
    const found = await readBoth(database, 'Observation');
    expect(found.size).toBe(1510);
    for (const { id, packed } of rows) expect(found.get(id)?.body).toBe(gunzipSync(packed).toString());
  });

  it('fails rather than leave gzipped resources out', async () => {
    const layout = await detectHapi(database.pool, PUBLIC);
    expect(await hasCompressed(database.pool, layout, 'Observation')).toBe(true);
    expect(await hasCompressed(database.pool, layout, 'Practitioner')).toBe(false);
    const error: unknown = await database.pool
      .query(currentResources(layout, 'Observation', BODY))
      .catch((thrown: unknown) => thrown);
    expect(isCompressedMissing(error)).toBe(true);
    expect((await database.pool.query(currentResources(layout, 'Practitioner', BODY))).rowCount).toBe(102);
  });

  it('limits what is unpacked for one query', async () => {
    const layout = await detectHapi(database.pool, PUBLIC);
    await expect(compressedResources(database.pool, layout, 'Observation', undefined, { limit: 100_000 })).rejects.toMatchObject({
      code: 'VM1202',
    });
    await expect(compressedResources(database.pool, layout, 'Observation', undefined, { limit: 10 })).rejects.toMatchObject({
      code: 'VM1202',
    });
  });

  it('has the source of hfj_res_ver_prov', async () => {
    const sources = [...(await readBoth(database, 'Condition')).values()]
      .map(({ meta }) => meta?.['source'])
      .filter((source) => source !== undefined);
    const { rows } = await database.pool.query<{ count: number }>(
      `select count(*)::int from hfj_resource r join hfj_res_ver v on v.res_id = r.res_id and v.res_ver = r.res_ver
       join hfj_res_ver_prov p on p.res_ver_pid = v.pid
       where r.res_type = 'Condition' and r.res_deleted_at is null and p.source_uri is not null`,
    );
    expect(sources.length).toBeGreaterThan(0);
    expect(sources).toHaveLength(rows[0]?.count ?? 0);
  });
});
