import { detectHapi } from '@viewmill/fhir-source';
import { describeWithShared, testDatabase, useDatabase } from '@viewmill/testkit';
import { describe, expect, it } from 'vitest';

const PUBLIC = { schema: 'public', timeZone: 'UTC' };

describe('detectHapi', () => {
  const database = useDatabase();

  it('refuses a database that is not HAPI’s', async () => {
    await expect(detectHapi(database.pool, PUBLIC)).rejects.toMatchObject({ code: 'VM3004' });
    await database.pool.query('create table hfj_resource (res_id bigint)');
    await expect(detectHapi(database.pool, PUBLIC)).rejects.toMatchObject({ code: 'VM3004' });
  });
});

describeWithShared('detectHapi on real servers', () => {
  it('finds everything on HAPI 8.8, in any schema', async () => {
    const { pool, close } = await testDatabase('hapi');
    try {
      const layout = await detectHapi(pool, { schema: 'public', timeZone: 'Europe/Zurich' });
      expect(layout).toMatchObject({
        fhirId: true,
        forcedId: false,
        inlineText: true,
        sourceUri: 'version',
        tags: true,
        links: true,
        tokenIndex: true,
        dateIndex: true,
        notices: [],
      });
      await pool.query('alter schema public rename to "My FHIR"');
      expect(await detectHapi(pool, { schema: 'My FHIR', timeZone: 'Europe/Zurich' })).toEqual({ ...layout, schema: 'My FHIR' });
      await expect(detectHapi(pool, PUBLIC)).rejects.toMatchObject({ code: 'VM3004' });
      await expect(detectHapi(pool, { schema: 'My FHIR', timeZone: 'Mars/Olympus' })).rejects.toMatchObject({ code: 'VM3005' });
    } finally {
      await close();
    }
  });

  it('says what an old server lacks', async () => {
    const { pool, close } = await testDatabase('hapi-6.6');
    try {
      const layout = await detectHapi(pool, PUBLIC);
      expect(layout).toMatchObject({ fhirId: true, forcedId: true, largeObjects: true, sourceUri: 'provenance' });
      await pool.query(
        'alter table hfj_resource drop column fhir_id; drop table hfj_res_link, hfj_tag_def cascade; alter table hfj_res_ver drop column res_text_vc',
      );
      const older = await detectHapi(pool, PUBLIC);
      expect(older).toMatchObject({ fhirId: false, forcedId: true, inlineText: false, tags: false, links: false });
      expect(older.notices).toHaveLength(5);
    } finally {
      await close();
    }
  });
});
