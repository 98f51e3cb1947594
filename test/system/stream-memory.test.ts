import { existsSync, readFileSync } from 'node:fs';
import { describeWithRedis, useDatabase } from '@viewmill/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Running, runViewmill } from './processes.ts';

const ROWS = 1_000_000;
/** About twice what each takes when it has just started (aim: 200): the answer itself is 350 MB. */
const LIMIT_MB = 320;

describeWithRedis('a result of a million rows', (redis) => {
  const database = useDatabase('demo');
  let api: Running;
  let worker: Running;
  let base = '';

  beforeAll(async () => {
    const env = { DATABASE_URL: database.url, REDIS_URL: redis.url, QUEUE_PREFIX: redis.prefix, SCHEDULES_ENABLED: 'false' };
    worker = runViewmill('worker', { ...env, LOG_LEVEL: 'info' });
    await worker.printed('worker ready');
    api = runViewmill('api', { ...env, PORT: '0', LOG_LEVEL: 'info', QUERY_TIMEOUT_SECONDS: '110' });
    const url = /"url":"(http[^"]+)"/;
    base = `${url.exec(await api.printed(url))?.[1]}/analytics`;
    await fetch(`${base}/materialized-views/patient_simple?wait=30s`, { method: 'POST' });
    const { rows } = await database.pool.query(`select relation from sqlonfhir._view where name = 'patient_simple'`);
    // Copies of one row, under keys of their own.
    const { rows: columns } = await database.pool.query(
      `select string_agg(quote_ident(attname), ', ' order by attnum) as names from pg_attribute
       where attrelid = 'sqlonfhir.patient_simple'::regclass and attnum > 0`,
    );
    const table = `sqlonfhir."${rows[0].relation}"`;
    await database.pool.query(`insert into ${table} (res_id, ordinal, ${columns[0].names})
      select 100000000 + n, 0, ${columns[0].names} from (select * from ${table} order by res_id limit 1) one, generate_series(1, ${ROWS}) n`);
  });
  afterAll(async () => {
    await api.signalGroup('SIGTERM');
    await worker.signalGroup('SIGTERM');
  });

  const peakMb = ({ child }: Running): number =>
    existsSync('/proc/self/status')
      ? Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024
      : 0;

  it(`passes through API and worker, each of which stays within ${LIMIT_MB} MB`, async () => {
    const answer = await fetch(`${base}/view-definitions/patient_simple/execute?_format=ndjson`);
    expect(answer.status).toBe(200);
    let lines = 0;
    for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>)
      for (const byte of chunk) if (byte === 10) lines += 1;
    expect(lines).toBeGreaterThan(ROWS);
    expect(peakMb(api)).toBeLessThan(LIMIT_MB);
    expect(peakMb(worker)).toBeLessThan(LIMIT_MB);
  });
});
