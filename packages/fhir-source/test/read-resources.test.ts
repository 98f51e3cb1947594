import { currentResources, detectHapi, readResources, restrictToIds, sourceState } from '@viewmill/fhir-source';
import { describeWithShared, putResource, useDatabase } from '@viewmill/testkit';
import { expect, it } from 'vitest';
import { BODY, readAll, WHOLE } from './resources.ts';

const PUBLIC = { schema: 'public', timeZone: 'UTC' };

describeWithShared('readResources', () => {
  const database = useDatabase('hapi');

  it('gives a body that cannot be read as an error, and goes on', async () => {
    const { pool } = database;
    const client = await pool.connect();
    try {
      for (const id of ['good', 'bad-gzip', 'no-object', 'no-text', 'latin', 'elsewhere', 'plain-object', 'big']) {
        const json = id === 'big' ? { resourceType: 'Device', note: 'ü'.repeat(3_000_000) } : { resourceType: 'Device', udi: id };
        await putResource(client, { type: 'Device', id, json });
      }
      const change = (id: string, set: string) =>
        client.query(`update hfj_res_ver v set ${set} from hfj_resource r where r.res_id = v.res_id and r.fhir_id = $1`, [id]);
      await change('bad-gzip', `res_encoding = 'JSONC', res_text_vc = null, res_text = lo_from_bytea(0, '\\x1f8b0800ff')`);
      await change('no-object', `res_encoding = 'JSONC', res_text_vc = null, res_text = 4000000000`);
      await change('no-text', `res_text_vc = null`);
      await change('latin', `res_text_vc = null, res_text = lo_from_bytea(0, '\\x7b22fc227d')`);
      await change('elsewhere', `res_encoding = 'ESR'`);
      await change('plain-object', `res_text_vc = null, res_text = lo_from_bytea(0, convert_to(v.res_text_vc, 'UTF8'))`);
    } finally {
      client.release();
    }
    const found = await readAll(pool, await detectHapi(pool, PUBLIC), { resourceType: 'Device', needs: WHOLE });
    const errors = [...found].filter(([, { error }]) => error !== null).map(([id]) => id);
    expect(errors.sort()).toEqual(['bad-gzip', 'elsewhere', 'latin', 'no-object', 'no-text']);
    expect(found.get('plain-object')?.text).toBe('{"resourceType":"Device","udi":"plain-object"}');
    expect(found.get('big')?.text).toBe(`{"resourceType":"Device","note":"${'ü'.repeat(3_000_000)}"}`);
  });

  it('reads only what is asked for', async () => {
    const { pool } = database;
    const layout = await detectHapi(pool, PUBLIC);
    const all = await readAll(pool, layout, { resourceType: 'Observation', needs: BODY });
    expect(all.size).toBe(15_078);
    const some = [...all.keys()].slice(0, 3);
    const restriction = restrictToIds(layout, 'Observation', [...some, `it's "quoted"\\`]);
    expect([...(await readAll(pool, layout, { resourceType: 'Observation', needs: BODY, restriction })).keys()].sort()).toEqual(
      some.sort(),
    );
  });

  it('hangs up when aborted, without an error event, and when the loop is left', async () => {
    const { pool } = database;
    const layout = await detectHapi(pool, PUBLIC);
    const options = { resourceType: 'Observation', needs: BODY };
    const aborted = await pool.connect();
    const controller = new AbortController();
    await expect(
      (async () => {
        for await (const batch of readResources(aborted, layout, { ...options, signal: controller.signal })) {
          expect(batch.length).toBeGreaterThan(0);
          controller.abort();
        }
      })(),
    ).rejects.toMatchObject({ code: 'VM3006' });
    aborted.release(true);

    const left = await pool.connect();
    for await (const batch of readResources(left, layout, options)) {
      expect(batch.length).toBeGreaterThan(0);
      break;
    }
    left.release(true);
    await expect(readAll(pool, layout, { ...options, signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'VM3006' });
  });

  it('leaves the client usable after an error of the server', async () => {
    const { pool } = database;
    const layout = await detectHapi(pool, PUBLIC);
    const client = await pool.connect();
    try {
      const wrong = readResources(client, { ...layout, schema: 'nowhere' }, { resourceType: 'Observation', needs: BODY });
      await expect(wrong.next()).rejects.toMatchObject({ code: '42P01' });
      expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    } finally {
      client.release();
    }
  });

  it('says up to when changes are in the snapshot', async () => {
    const { pool } = database;
    const layout = await detectHapi(pool, PUBLIC);
    const client = await pool.connect();
    try {
      const before = (await client.query<{ now: Date }>('select clock_timestamp() as now')).rows[0]?.now;
      await client.query('begin isolation level repeatable read');
      const { asOf } = await sourceState(client);
      const count = (await client.query(currentResources(layout, 'Patient', BODY))).rowCount;
      const other = await pool.connect();
      await putResource(other, { type: 'Patient', id: 'later', json: { resourceType: 'Patient' } });
      other.release();
      expect((await client.query(currentResources(layout, 'Patient', BODY))).rowCount).toBe(count);
      expect((await sourceState(client)).asOf).toBe(asOf);
      expect(Date.parse(asOf)).toBeGreaterThanOrEqual(before?.getTime() ?? Number.NaN);
      await client.query('commit');
    } finally {
      client.release();
    }
  });
});
