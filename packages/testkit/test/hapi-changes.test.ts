import { gunzipSync } from 'node:zlib';
import { deleteResource, describeWithShared, metaAdd, putResource, useDatabase } from '@viewmill/testkit';
import type pg from 'pg';
import { describe, expect, it } from 'vitest';

const PATIENT = {
  resourceType: 'Patient',
  id: 'new-1',
  meta: { tag: [{ system: 'https://example.org/t', code: 'x' }] },
  active: true,
};
const CONDITION = { resourceType: 'Condition', id: 'c-1', subject: { reference: 'Patient/new-1' } };

async function versions(pool: pg.Pool, id: string): Promise<readonly unknown[]> {
  const { rows } = await pool.query(
    `select v.res_ver::int as ver, v.res_encoding as enc, v.res_text_vc as text, v.res_deleted_at is not null as deleted
       from hfj_resource r join hfj_res_ver v using (res_id) where r.fhir_id = $1 order by v.res_ver`,
    [id],
  );
  return rows;
}

async function current(pool: pg.Pool, id: string): Promise<unknown> {
  const { rows } = await pool.query(
    'select res_ver::int as ver, res_deleted_at is not null as deleted, has_tags from hfj_resource where fhir_id = $1',
    [id],
  );
  return rows[0];
}

async function withClient<T>(pool: pg.Pool, use: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    return await use(client);
  } finally {
    client.release();
  }
}

describeWithShared('changes as HAPI makes them', () => {
  describe.each(['hapi', 'hapi-6.6'] as const)('%s', (template) => {
    const database = useDatabase(template);

    it('creates, leaves equal content alone, updates, deletes and creates again', async () => {
      const { pool } = database;
      const json = (active: boolean): string => JSON.stringify({ resourceType: 'Patient', active });
      await withClient(pool, async (client) => {
        const put = (active: boolean): Promise<unknown> =>
          putResource(client, { type: 'Patient', id: 'new-1', json: { ...PATIENT, active } });
        expect(await put(true)).toMatchObject({ version: 1, outcome: 'created' });
        expect(await put(true)).toMatchObject({ version: 1, outcome: 'unchanged' });
        expect(await put(false)).toMatchObject({ version: 2, outcome: 'updated' });
        expect(await deleteResource(client, 'Patient', 'new-1')).toBe(3);
        expect(await deleteResource(client, 'Patient', 'new-1')).toBeNull();
        expect(await current(pool, 'new-1')).toEqual({ ver: 3, deleted: true, has_tags: true });
        expect(await put(true)).toMatchObject({ version: 4, outcome: 'recreated' });
      });
      expect(await current(pool, 'new-1')).toEqual({ ver: 4, deleted: false, has_tags: true });
      expect(await versions(pool, 'new-1')).toEqual([
        { ver: 1, enc: 'JSON', text: json(true), deleted: false },
        { ver: 2, enc: 'JSON', text: json(false), deleted: false },
        { ver: 3, enc: 'DEL', text: null, deleted: true },
        { ver: 4, enc: 'JSON', text: json(true), deleted: false },
      ]);
    });

    it('links a resource to its patient, and deletes the links with it', async () => {
      const links = 'select src_path from hfj_res_link where source_resource_type = $1 and src_resource_id = $2 order by 1';
      await withClient(database.pool, async (client) => {
        await putResource(client, { type: 'Patient', id: 'new-1', json: PATIENT });
        const { resId } = await putResource(client, { type: 'Condition', id: 'c-1', json: CONDITION });
        expect((await client.query(links, ['Condition', resId])).rows.map(({ src_path }) => src_path)).toEqual([
          'Condition.subject',
          'Condition.subject.where(resolve() is Patient)',
        ]);
        await deleteResource(client, 'Condition', 'c-1');
        expect((await client.query(links, ['Condition', resId])).rows).toEqual([]);
      });
    });

    it('adds a tag without touching the resource', async () => {
      const { pool } = database;
      const { rows } = await pool.query(
        `select fhir_id, res_ver, res_updated::text as at from hfj_resource where res_type = 'Patient' and fhir_id <> 'new-1' limit 1`,
      );
      const [before] = rows;
      const tag = { kind: 'security', system: 'https://example.org/s', code: 'V' } as const;
      await withClient(pool, async (client) => {
        await metaAdd(client, 'Patient', before.fhir_id, tag);
        await metaAdd(client, 'Patient', before.fhir_id, tag);
      });
      const after = await pool.query(
        `select r.fhir_id, r.res_ver, r.res_updated::text as at, count(*)::int as n from hfj_resource r join hfj_res_tag t using (res_id)
           join hfj_tag_def d using (tag_id) where r.fhir_id = $1 and d.tag_code = 'V' and d.tag_type = 2 group by 1, 2, 3`,
        [before.fhir_id],
      );
      expect(after.rows).toEqual([{ ...before, n: 1 }]);
    });

    it('gives two transactions that are open at once numbers of their own', async () => {
      await withClient(database.pool, (early) =>
        withClient(database.pool, async (late) => {
          await early.query('begin');
          await putResource(early, { type: 'Patient', id: 'two-a', json: { resourceType: 'Patient' } });
          await putResource(late, { type: 'Patient', id: 'two-b', json: { resourceType: 'Patient' } });
          await early.query('commit');
        }),
      );
      expect(await current(database.pool, 'two-a')).toMatchObject({ ver: 1 });
      expect(await current(database.pool, 'two-b')).toMatchObject({ ver: 1 });
    });

    it('stores gzip in a large object where asked to', async () => {
      const { pool } = database;
      await withClient(pool, (client) =>
        putResource(client, {
          type: 'Patient',
          id: 'lob',
          json: { resourceType: 'Patient', active: true },
          storage: 'large-object',
        }),
      );
      const { rows } = await pool.query(
        `select v.res_encoding, lo_get(v.res_text) as bytes from hfj_res_ver v join hfj_resource r using (res_id) where r.fhir_id = 'lob'`,
      );
      expect(rows[0].res_encoding).toBe('JSONC');
      expect(gunzipSync(rows[0].bytes).toString()).toBe('{"resourceType":"Patient","active":true}');
    });
  });

  describe('6.6 only', () => {
    const database = useDatabase('hapi-6.6');
    it('keeps forced ids and the source beside the version', async () => {
      await withClient(database.pool, (client) =>
        putResource(client, {
          type: 'Patient',
          id: 'forced',
          json: { resourceType: 'Patient' },
          sourceUri: 'https://example.org/src',
        }),
      );
      const { rows } = await database.pool.query(
        `select f.forced_id, p.source_uri from hfj_forced_id f join hfj_res_ver_prov p on p.res_pid = f.resource_pid where f.forced_id = 'forced'`,
      );
      expect(rows).toEqual([{ forced_id: 'forced', source_uri: 'https://example.org/src' }]);
    });
  });
});
