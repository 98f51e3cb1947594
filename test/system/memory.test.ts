import { existsSync, readFileSync } from 'node:fs';
import { describeWithRedis, useDatabase } from '@viewmill/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Running, runViewmill } from './processes.ts';
import { type System, startSystem } from './system.ts';

const RESOURCES = 100_000;
const LIMIT_MB = 300;

/** The peak is read from /proc, which only Linux has. */
const describeOnLinux = existsSync('/proc/self/status') ? describe : describe.skip;

describeWithRedis('a full build of 100 000 resources', (redis) => {
  const database = useDatabase('demo');
  let system: System | undefined;
  let worker: Running | undefined;

  beforeAll(async () => {
    // Copies of the Observations there are: real texts, many of them.
    await database.pool.query(`
      with numbered as (select r.*, v.res_text_vc, row_number() over () - 1 as n
        from hfj_resource r join hfj_res_ver v using (res_id, res_ver) where r.res_type = 'Observation' and r.res_deleted_at is null),
      copies as materialized (select 100000000 + s as new_id, numbered.* from generate_series(1, ${RESOURCES}) s
        join numbered on n = s % (select count(*) from numbered)),
      resources as (insert into hfj_resource (res_id, res_version, has_tags, res_published, res_updated, fhir_id, sp_has_links, sp_coords_present,
          sp_date_present, sp_number_present, sp_quantity_nrml_present, sp_quantity_present, sp_string_present, sp_token_present, sp_uri_present, res_type, res_ver)
        select new_id, 'R4', false, res_published, res_updated, 'copy-' || new_id, false, false, false, false, false, false, false, false, false, 'Observation', 1 from copies)
      insert into hfj_res_ver (pid, res_version, has_tags, res_published, res_updated, res_encoding, res_id, res_text_vc, res_type, res_ver)
        select new_id, 'R4', false, res_published, res_updated, 'JSON', new_id, res_text_vc, 'Observation', 1 from copies`);
    const env = { DATABASE_URL: database.url, REDIS_URL: redis.url, QUEUE_PREFIX: redis.prefix, SCHEDULES_ENABLED: 'false' };
    system = await startSystem(env);
    worker = runViewmill('worker', { ...env, LOG_LEVEL: 'info' });
    await worker.printed('worker ready');
  });
  afterAll(async () => {
    await system?.close();
    await worker?.signalGroup('SIGTERM');
  });

  describeOnLinux('in a worker process', () => {
    it(`stays within ${LIMIT_MB} MB`, async () => {
      const { body } = await (system as System).call<{ state: string; result: { resources: number } }>(
        'POST',
        '/analytics/materialized-views/observation_labs?wait=120s',
      );
      expect(body.state).toBe('completed');
      expect(body.result.resources).toBeGreaterThan(RESOURCES);
      const peakKb = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${worker?.child.pid}/status`, 'utf8'))?.[1]);
      expect(peakKb / 1024).toBeLessThan(LIMIT_MB);
    });
  });
});
