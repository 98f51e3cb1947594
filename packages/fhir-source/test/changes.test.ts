import { deleteResource, describeWithShared, metaAdd, putResource, useDatabase } from '@viewmill/testkit';
import type { PoolClient } from 'pg';
import { expect, it } from 'vitest';
import { readBoth, WHOLE } from './resources.ts';

/** A type that the dumps do not have. */
const type = 'Device';
const device = (status: string): Record<string, unknown> => ({ resourceType: type, status });

for (const template of ['hapi', 'hapi-6.6'] as const) {
  describeWithShared(`changes as ${template} makes them`, () => {
    const database = useDatabase(template);

    async function change<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
      const client = await database.pool.connect();
      try {
        return await work(client);
      } finally {
        client.release();
      }
    }
    const current = async (settings?: { schema: string; timeZone: string }) => readBoth(database, type, WHOLE, settings);
    const status = async (id: string): Promise<unknown> => {
      const row = (await current()).get(id);
      return row === undefined ? undefined : (JSON.parse(row.body) as { status: string }).status;
    };

    it('an update shows once, a delete not at all, what is created again once', async () => {
      const id = 'changing';
      await change((client) => putResource(client, { type, id, json: device('active') }));
      expect(await status(id)).toBe('active');
      await change((client) => putResource(client, { type, id, json: device('inactive') }));
      expect(await status(id)).toBe('inactive');
      await change((client) => deleteResource(client, type, id));
      expect(await status(id)).toBeUndefined();
      await change((client) => putResource(client, { type, id, json: device('unknown'), storage: 'large-object' }));
      expect(await status(id)).toBe('unknown');
      expect((await current()).get(id)?.meta).toMatchObject({ versionId: '4' });
    });

    it('brings meta along: version, profile, tags, labels, and what $meta-add adds', async () => {
      const id = 'tagged';
      const json = {
        ...device('active'),
        meta: { profile: ['http://example.org/p'], tag: [{ system: 's', code: 'a' }], security: [{ system: 'l', code: 'R' }] },
      };
      await change((client) =>
        putResource(client, { type, id, json, updated: new Date('2026-03-29T00:30:15.25Z'), sourceUri: 'urn:source' }),
      );
      const meta = {
        versionId: '1',
        lastUpdated: '2026-03-29T00:30:15.250+00:00',
        profile: ['http://example.org/p'],
        tag: [{ system: 's', code: 'a' }],
        security: [{ system: 'l', code: 'R' }],
      };
      expect((await current()).get(id)?.meta).toMatchObject(meta);
      await change((client) => metaAdd(client, type, id, { system: 's', code: 'b' }));
      expect((await current()).get(id)?.meta).toMatchObject({
        ...meta,
        tag: [
          { system: 's', code: 'a' },
          { system: 's', code: 'b' },
        ],
      });
    });

    it('takes res_updated for a local time of the server’s zone', async () => {
      const id = 'summer';
      await change((client) => putResource(client, { type, id, json: device('active') }));
      await database.pool.query(`update hfj_resource r set res_updated = '2026-07-01 12:00:00' from (
        select res_id from hfj_resource where fhir_id = 'summer') x where x.res_id = r.res_id`);
      const zurich = await current({ schema: 'public', timeZone: 'Europe/Zurich' });
      expect(zurich.get(id)?.meta).toMatchObject({ lastUpdated: '2026-07-01T10:00:00.000+00:00' });
      const client = await database.pool.connect();
      try {
        // Whatever the session's own zone is.
        await client.query(`set timezone = 'Asia/Tokyo'`);
        const { rows } = await client.query<{ tz: string }>(`select current_setting('timezone') tz`);
        expect(rows[0]?.tz).toBe('Asia/Tokyo');
      } finally {
        client.release(true);
      }
    });

    it('reads every partition', async () => {
      const id = 'tenant';
      await change((client) => putResource(client, { type, id, json: device('active') }));
      const before = (await current()).size;
      await database.pool.query(`update hfj_resource set partition_id = 7 where fhir_id = 'tenant'`);
      await database.pool.query(
        `update hfj_res_ver set partition_id = 7 where res_id = (select res_id from hfj_resource where fhir_id = 'tenant')`,
      );
      expect((await current()).size).toBe(before);
    });
  });
}

describeWithShared('ids of servers before fhir_id', () => {
  const database = useDatabase('hapi-6.6');

  it('come from hfj_forced_id, else they are the key', async () => {
    const before = await readBoth(database, 'Patient');
    await database.pool.query('alter table hfj_resource drop column fhir_id');
    expect(new Set((await readBoth(database, 'Patient')).keys())).toEqual(new Set(before.keys()));
    const [id = '', row] = [...before][0] ?? [];
    await database.pool.query('delete from hfj_forced_id where forced_id = $1', [id]);
    const after = await readBoth(database, 'Patient');
    expect(after.size).toBe(12);
    expect(after.get(row?.res_id ?? '')?.body).toBe(row?.body);
  });
});
