import { createHash } from 'node:crypto';
import { type TestDatabase, testDatabase } from '@viewmill/testkit';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDemoDatabase, type DemoCounts, type DemoOptions } from '../src/index.ts';
import { SEQUENCES, TABLES } from '../src/schema.ts';

interface Demo {
  readonly database: TestDatabase;
  readonly counts: DemoCounts;
  rows<T>(text: string): Promise<T[]>;
}

async function createDemo(options: DemoOptions): Promise<Demo> {
  const database = await testDatabase('empty');
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    const counts = await createDemoDatabase(client, options);
    return { database, counts, rows: async (text) => (await database.pool.query(text)).rows };
  } finally {
    await client.end();
  }
}

async function checksum({ rows }: Demo): Promise<string> {
  const digest = createHash('sha256');
  for (const table of TABLES) {
    const [sum] = await rows<{ sum: string }>(`select md5(string_agg(t::text, '|' order by t::text)) sum from ${table} t`);
    digest.update(`${table} ${sum?.sum}\n`);
  }
  return digest.digest('hex');
}

const CURRENT = `hfj_resource r join hfj_res_ver v on v.res_id = r.res_id and v.res_ver = r.res_ver`;

describe('a small demo', () => {
  let demo: Demo;
  beforeAll(async () => {
    demo = await createDemo({ patients: 5 });
  });
  afterAll(() => demo?.database.close());

  it('is the same every time', async () => {
    const again = await createDemo({ patients: 5 });
    try {
      expect(again.counts).toEqual(demo.counts);
      expect(await checksum(again)).toBe(await checksum(demo));
    } finally {
      await again.database.close();
    }
  });

  it('has a share of everything, deletes and re-creations included', async () => {
    expect(demo.counts.types.Patient).toEqual({ live: 5, deleted: 1, versions: 9 });
    expect(demo.counts.types.Condition.live).toBe(209);
    expect(demo.counts.types.Observation.live).toBe(3115);
    expect(demo.counts.types.Condition.deleted).toBeGreaterThan(0);
    expect(demo.counts.types.Observation.deleted).toBeGreaterThan(0);
    const [row] = await demo.rows<{ recreated: number }>(`
      select count(*)::int recreated from hfj_resource r where res_deleted_at is null
        and exists (select from hfj_res_ver v where v.res_id = r.res_id and res_encoding = 'DEL')`);
    expect(row?.recreated).toBeGreaterThan(0);
  });

  it('has the current version of every resource, and a deletion without text', async () => {
    expect(
      await demo.rows(`select * from hfj_resource r where not exists
      (select from hfj_res_ver v where v.res_id = r.res_id and v.res_ver = r.res_ver and v.res_updated = r.res_updated)`),
    ).toEqual([]);
    expect(
      await demo.rows(`select r.res_id from ${CURRENT} where (r.res_deleted_at is null)
      is distinct from (v.res_encoding = 'JSON' and v.res_text_vc is not null and v.res_deleted_at is null)`),
    ).toEqual([]);
    expect(
      await demo.rows(`select r.res_id from ${CURRENT} where r.res_deleted_at is not null and v.res_encoding <> 'DEL'`),
    ).toEqual([]);
    expect(await demo.rows('select res_id, res_ver from hfj_res_ver group by 1, 2 having count(*) > 1')).toEqual([]);
    expect(
      await demo.rows('select r.res_id from hfj_resource r join hfj_res_ver v using (res_id) where v.res_ver > r.res_ver'),
    ).toEqual([]);
    expect(await demo.rows("select 1 from hfj_resource where res_updated > '2025-06-30'")).toEqual([]);
  });

  it('has texts without id and meta, and references that resolve', async () => {
    const texts = await demo.rows<{ text: string; type: string; id: string; live: boolean }>(`
      select v.res_text_vc text, r.res_type "type", r.fhir_id id, r.res_deleted_at is null and v.res_ver = r.res_ver live
        from hfj_res_ver v join hfj_resource r using (res_id) where v.res_encoding = 'JSON'`);
    const live = new Set(texts.filter((row) => row.live).map((row) => `${row.type}/${row.id}`));
    // One assertion for all of them: thousands of single ones take seconds.
    const wrong = texts.filter(({ text, type }) => {
      const resource: { resourceType?: string } = JSON.parse(text);
      const targets = [...text.matchAll(/"reference":"([^"]*)"/g)].map(([, target]) => target as string);
      return (
        resource.resourceType !== type || 'id' in resource || 'meta' in resource || targets.some((target) => !live.has(target))
      );
    });
    expect(wrong).toEqual([]);
    expect(texts.some(({ text }) => /"value":\d+\.\d*0[,}]/.test(text))).toBe(true);
  });

  it('has a link for each reference that HAPI indexes, to the resource it names', async () => {
    expect(
      await demo.rows(`select l.pid from hfj_res_link l join hfj_resource t on t.res_id = l.target_resource_id
      join hfj_resource r on r.res_id = l.src_resource_id join hfj_res_ver v on v.res_id = r.res_id and v.res_ver = r.res_ver
      where t.res_type <> l.target_resource_type or r.res_type <> l.source_resource_type or t.res_deleted_at is not null
         or position('"' || t.res_type || '/' || t.fhir_id || '"' in v.res_text_vc) = 0`),
    ).toEqual([]);
    const [row] = await demo.rows<{ links: number }>(
      `select count(*)::int links from hfj_res_link where src_path = 'Observation.subject'`,
    );
    expect(row?.links).toBe(demo.counts.types.Observation.live);
  });

  it('has glucose that follows diabetes, and interpretations that follow the reference range', async () => {
    const [means] = await demo.rows<{ healthy: number; diabetic: number }>(`
      select avg(glucose) filter (where not tagged) healthy, avg(glucose) filter (where tagged) diabetic from (
        select (v.res_text_vc::jsonb #>> '{valueQuantity,value}')::float glucose, exists (
          select from hfj_res_link l join hfj_res_tag g on g.res_id = l.target_resource_id and g.tag_id = 1 where l.src_resource_id = r.res_id
        ) tagged from ${CURRENT} where r.res_type = 'Observation' and r.res_deleted_at is null and v.res_text_vc like '%"2345-7"%') x`);
    expect(means?.healthy).toBeGreaterThan(75);
    expect(means?.diabetic).toBeGreaterThan((means?.healthy ?? 0) + 15);
    expect(
      await demo.rows(`select 1 from (select v.res_text_vc::jsonb j from ${CURRENT} where r.res_type = 'Observation') x
      where (j #>> '{interpretation,0,coding,0,code}') <> case
        when (j #>> '{valueQuantity,value}')::numeric < (j #>> '{referenceRange,0,low,value}')::numeric then 'L'
        when (j #>> '{valueQuantity,value}')::numeric > (j #>> '{referenceRange,0,high,value}')::numeric then 'H' else 'N' end`),
    ).toEqual([]);
  });

  it('has sequences that go on after the last keys', async () => {
    for (const { name, table, key } of SEQUENCES) {
      const [row] = await demo.rows<{ free: boolean }>(
        `select nextval('${name}') > (select coalesce(max(${key}), 0) from ${table}) free`,
      );
      expect(row?.free, name).toBe(true);
    }
  });
});

describe('options', () => {
  it('leaves the search indexes empty when they are not wanted', async () => {
    const demo = await createDemo({ patients: 2, conditions: 10, observations: 50, searchIndexes: false });
    try {
      expect(demo.counts.types.Condition.live).toBe(10);
      expect(demo.counts.types.Observation.live).toBe(50);
      for (const table of TABLES.filter((name) => name.startsWith('hfj_spidx') || name === 'hfj_res_link')) {
        expect(await demo.rows(`select 1 from ${table} limit 1`), table).toEqual([]);
      }
      expect(
        await demo.rows(
          'select 1 from hfj_resource where sp_has_links or sp_token_present or sp_date_present or sp_string_present',
        ),
      ).toEqual([]);
    } finally {
      await demo.database.close();
    }
  });

  it('leaves nothing behind when it fails', async () => {
    const database = await testDatabase('empty');
    const client = await database.pool.connect();
    const interrupted = new Error('interrupted');
    try {
      const onProgress = ({ phase }: { phase: string }) => {
        if (phase === 'indexes') throw interrupted;
      };
      await expect(createDemoDatabase(client, { patients: 1, onProgress })).rejects.toBe(interrupted);
      expect((await client.query("select to_regclass('hfj_resource') it")).rows).toEqual([{ it: null }]);
    } finally {
      client.release();
      await database.close();
    }
  });
});

describe('the demo in full size', () => {
  it('has exactly the live resources that are promised', async () => {
    const demo = await createDemo({});
    try {
      const live = await demo.rows<{ res_type: string; n: number }>(
        `select r.res_type, count(*)::int n from ${CURRENT} where r.res_deleted_at is null and v.res_encoding = 'JSON' group by 1`,
      );
      const counts = Object.fromEntries(live.map(({ res_type, n }) => [res_type, n]));
      expect(counts).toMatchObject({ Patient: 105, Condition: 4380, Observation: 65_407 });
      expect(counts).toEqual(Object.fromEntries(Object.entries(demo.counts.types).map(([type, { live: n }]) => [type, n])));
      const [versions] = await demo.rows<{ n: number }>('select count(*)::int n from hfj_res_ver');
      expect(versions?.n).toBe(demo.counts.versions);
    } finally {
      await demo.database.close();
    }
  }, 120_000);
});
