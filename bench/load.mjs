import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { refreshView } from '@viewmill/materializer';
import { startRedis } from '@viewmill/services';
import autocannon from 'autocannon';
import pg from 'pg';
import { report, setUp } from './setup.mjs';

const MAIN = fileURLToPath(new URL('../apps/cli/dist/main.js', import.meta.url));
const VIEW = 'observation_labs';
const CLIENTS = process.env.BENCH_CLIENTS ? process.env.BENCH_CLIENTS.split(',').map(Number) : [1, 10, 100, 500];

/** Look-ups over HTTP through API, queue and worker, each a process of its own, against the same queries sent by pg in the same run. */
export async function load({ scale, rounds }) {
  const system = await setUp({ scale });
  const { pool, catalog, layout, plans, folder, url } = system;
  const place = { source: pool, target: pool, catalog, layout, readerRole: 'viewmill_reader' };
  await refreshView({ plan: plans.get(VIEW), name: VIEW, reason: 'request', ...place });
  const questions = await questionsOf(pool);
  const queue = await queueOf(folder, url);
  const env = {
    ...process.env,
    ...queue.env,
    DATABASE_URL: url,
    SCHEDULES_ENABLED: 'false',
    LOG_LEVEL: 'info',
    PORT: '0',
    ...(process.env.BENCH_WORKER_CONCURRENCY && { WORKER_CONCURRENCY: process.env.BENCH_WORKER_CONCURRENCY }),
  };
  const worker = await start('worker', env, /worker ready/);
  const api = await start('api', env, /"url":"(http[^"]+)"/);
  const base = `${api.said}/analytics/view-definitions/${VIEW}`;
  const seconds = Math.max(2, rounds);
  const rows = [];
  const figures = [];
  for (const clients of CLIENTS) {
    // One after the other within each number of clients: a machine whose speed drifts slows both alike.
    const direct = await askDirectly(url, questions, Math.min(clients, 100), seconds);
    const before = [cpuOf(api), cpuOf(worker)];
    const ours = await askOverHttp(base, questions, clients, seconds);
    const cpu = [cpuOf(api) - before[0], cpuOf(worker) - before[1]].map((used) => used / seconds);
    const figure = {
      clients,
      ours,
      direct,
      cpu: { api: cpu[0], worker: cpu[1] },
      memoryMb: { api: peakOf(api), worker: peakOf(worker) },
    };
    figures.push(figure);
    const ratio = (ours.perSecond / direct.perSecond).toFixed(2);
    rows.push(
      { what: `${clients} clients: direct, p50`, ms: direct.p50, note: line(direct) },
      {
        what: `${clients} clients: viewmill, p50`,
        ms: ours.p50,
        note: `${line(ours)}; ${ratio} of direct; CPU api ${cpu[0].toFixed(2)} worker ${cpu[1].toFixed(2)}; peak MB ${figure.memoryMb.api} ${figure.memoryMb.worker}`,
      },
    );
  }
  report('load', rows, { scale, counts: system.counts, queue: queue.kind, figures });
  for (const { child } of [api, worker]) await stop(child);
  await queue.stop();
  await system.tearDown();
}

function line({ p95, p99, perSecond, errors }) {
  return `p95 ${p95.toFixed(1)} p99 ${p99.toFixed(1)} ms, ${perSecond.toFixed(0)}/s, ${errors} errors`;
}

/**
 * A patient's newest laboratory results, a patient's count, the first rows: as URL and as the SQL that a careful client would send.
 * No two are equal, for equal ones would be run once.
 */
async function questionsOf(pool) {
  const table = `sqlonfhir.${VIEW}`;
  const { rows } = await pool.query(`select patient_id as id from ${table} group by 1 order by count(*) desc, 1 limit 100`);
  const json = (select) => `select json_agg(row_to_json(v))::text from (${select}) v`;
  const newest = json(`select * from ${table} where patient_id = $1 order by effective collate "C" desc nulls last limit $2`);
  const count = `select count(*) from ${table} where patient_id = $1 and effective >= $2`;
  const questions = [];
  for (let round = 0; round < 20; round += 1) {
    for (const [n, { id }] of rows.entries()) {
      const limit = 80 + 2 * round;
      questions.push({ path: `/execute?patient=${id}&_sort=-effective&_count=${limit}`, sql: newest, values: [id, limit] });
      questions.push({
        path: `/count?patient=${id}&effective:ge=${1990 + round}`,
        sql: count,
        values: [id, String(1990 + round)],
      });
      const first = 1 + ((n + rows.length * round) % 200);
      questions.push({ path: `/execute?_count=${first}`, sql: json(`select * from ${table} limit $1`), values: [first] });
    }
  }
  return questions;
}

export async function queueOf(folder, url) {
  if (process.env.BENCH_QUEUE === 'postgres') {
    return {
      kind: 'postgres',
      env: { QUEUE_DATABASE_URL: url, QUEUE_PREFIX: 'bench', REDIS_URL: '' },
      stop: async () => undefined,
    };
  }
  const redis = await startRedis({ dataDir: join(folder, 'redis') });
  return { kind: 'redis', env: { REDIS_URL: redis.url, QUEUE_PREFIX: 'bench' }, stop: () => redis.stop() };
}

export function start(command, env, wanted) {
  const flags =
    process.env.BENCH_PROFILE === command ? ['--cpu-prof', `--cpu-prof-dir=${process.env.BENCH_PROFILE_DIR ?? '/tmp'}`] : [];
  const child = spawn(process.execPath, [...flags, MAIN, command], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`${command} ended with ${code}:\n${text}`)));
    child.stdout.on('data', (chunk) => {
      text += chunk;
      const found = wanted.exec(text);
      if (found) resolve({ child, said: found[1] ?? '' });
    });
  });
}

export async function stop(child) {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}

async function askOverHttp(base, questions, clients, seconds) {
  const requests = questions.map(({ path }) => ({
    method: 'GET',
    path: new URL(base + path).pathname + new URL(base + path).search,
  }));
  const times = [];
  const ask = (duration) => {
    const run = autocannon({ url: new URL(base).origin, connections: clients, duration, requests, timeout: 30 });
    // Its own histogram knows whole milliseconds only.
    run.on('response', (_client, _status, _bytes, milliseconds) => times.push(milliseconds));
    return run;
  };
  await ask(1);
  times.length = 0;
  const { errors, non2xx, statusCodeStats } = await ask(seconds);
  return { ...quantiles(times, seconds), errors: errors + non2xx, statuses: statusCodeStats };
}

function quantiles(times, seconds) {
  times.sort((a, b) => a - b);
  const at = (share) => times[Math.floor(times.length * share)] ?? 0;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), perSecond: times.length / seconds };
}

/** As many connections as clients up to a hundred: PostgreSQL's own limit of connections. */
async function askDirectly(url, questions, clients, seconds) {
  const pool = new pg.Pool({ connectionString: url, max: Math.min(clients, 60) });
  const times = [];
  let n = 0;
  const ask = async (until) => {
    while (performance.now() < until) {
      const { sql, values } = questions[n++ % questions.length];
      const started = performance.now();
      await pool.query(sql, values);
      times.push(performance.now() - started);
    }
  };
  const run = (duration) => Promise.all(Array.from({ length: clients }, () => ask(performance.now() + duration * 1000)));
  await run(1);
  times.length = 0;
  await run(seconds);
  await pool.end();
  return { ...quantiles(times, seconds), errors: 0 };
}

/** CPU seconds that a process has used. */
function cpuOf({ child }) {
  if (!existsSync('/proc/self/stat')) return Number.NaN;
  const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** The most memory it has had, in megabytes. */
function peakOf({ child }) {
  if (!existsSync('/proc/self/status')) return null;
  return Math.round(Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024);
}
