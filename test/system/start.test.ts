import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { useDatabase } from '@viewmill/testkit';
import { afterAll, describe, expect, it } from 'vitest';
import { type Running, runViewmill } from './processes.ts';

const folder = mkdtempSync(join(tmpdir(), 'viewmill-start-'));
const running: Running[] = [];
/** The settings of the test run itself must not reach the product. */
const NOTHING_GIVEN = { DATABASE_URL: '', CATALOG_DATABASE_URL: '', REDIS_URL: '', QUEUE_DATABASE_URL: '', PORT: '0' };

function start(env: Readonly<Record<string, string>>): Running {
  const process = runViewmill('start', { ...NOTHING_GIVEN, ...env });
  running.push(process);
  return process;
}

const urlOf = (output: string): string => /API and docs {3}(http:\S+)\/docs/.exec(output)?.[1] ?? '';
const curlOf = (output: string): string => /^ +(curl .*)$/m.exec(output)?.[1] ?? '';

afterAll(async () => {
  for (const process of running)
    if (process.child.exitCode === null && process.child.signalCode === null) await process.signalGroup('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

describe('viewmill start, on a machine with nothing', () => {
  const dataDir = join(folder, 'data');

  it('loads the demo, builds the views, prints a line that works, and stops with Ctrl-C', async () => {
    const first = start({ DATA_DIR: dataDir });
    const output = await first.printed('Ctrl-C stops everything');
    expect(output).toContain('7 views');
    const answer = await fetch(/'(http[^']+)'/.exec(curlOf(output))?.[1] ?? '');
    const { rows, meta } = (await answer.json()) as { rows: unknown[]; meta: { runner: string } };
    expect(rows).toHaveLength(3);
    expect(meta.runner).toBe('materialized');
    const counts = await countAll(urlOf(output));
    expect(counts).toEqual({ patient_simple: 105, condition_simple: 4380 });
    expect(await first.signalGroup('SIGINT')).toBe(0);
    expect(processesOf(dataDir)).toEqual([]);
  }, 240_000);

  it('starts again on the same data, without Redis on PATH too, and loses nothing', async () => {
    const second = start({ DATA_DIR: dataDir, PATH: pathWithoutRedis(join(folder, 'bin')) });
    const output = await second.printed('Ctrl-C stops everything');
    expect(output).toMatch(/Queue {10}embedded PostgreSQL/);
    expect(await countAll(urlOf(output))).toEqual({ patient_simple: 105, condition_simple: 4380 });
    const refreshed = await fetch(`${urlOf(output)}/analytics/materialized-views/patient_simple/refresh?wait=30s`, {
      method: 'POST',
    });
    expect(((await refreshed.json()) as { state: string }).state).toBe('completed');
    expect(await second.signalGroup('SIGINT')).toBe(0);
    expect(processesOf(dataDir)).toEqual([]);
  }, 120_000);
});

describe('viewmill start, on a FHIR database that is there', () => {
  const database = useDatabase('demo');

  it('starts no database of its own and writes nothing outside schema sqlonfhir', async () => {
    const dataDir = join(folder, 'queue-only');
    const before = await objectsOutside();
    const process = start({ DATA_DIR: dataDir, DATABASE_URL: database.url });
    const output = await process.printed('Ctrl-C stops everything');
    expect(output).toMatch(/Database {7}DATABASE_URL/);
    expect(output).not.toContain(database.url);
    expect(await process.signalGroup('SIGINT')).toBe(0);
    expect(await objectsOutside()).toEqual(before);
    expect(existsSync(dataDir) ? readdirSync(dataDir).filter((name) => name === 'fhir') : []).toEqual([]);
  }, 120_000);

  /** Every relation, function, type and schema but those of sqlonfhir, and what the FHIR tables hold. */
  async function objectsOutside(): Promise<unknown> {
    const { rows } = await database.pool.query(`
      select 'relation' as kind, n.nspname || '.' || c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname not in ('sqlonfhir', 'pg_toast', 'pg_catalog', 'information_schema')
      union all select 'function', n.nspname || '.' || p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      where n.nspname not in ('sqlonfhir', 'pg_catalog', 'information_schema')
      union all select 'schema', nspname from pg_namespace where nspname <> 'sqlonfhir' and nspname not like 'pg_toast%' and nspname not like 'pg_temp%'
      union all select 'rows', (select count(*) || '/' || sum(res_ver) from hfj_resource) || '/' || (select count(*) from hfj_res_ver)
      order by 1, 2`);
    return rows;
  }
});

describe('viewmill start, on files', () => {
  it('needs no FHIR database and loads no demo', async () => {
    const exported = join(folder, 'export');
    mkdirSync(exported);
    writeFileSync(join(exported, 'Patient.ndjson'), '{"resourceType":"Patient","id":"p1"}');
    writeFileSync(join(exported, 'Condition.ndjson'), '{"resourceType":"Condition","id":"c1"}');
    const env = { DATA_DIR: join(folder, 'definitions'), VIEWDEF_RUNNER: 'memory' };
    const process = start({ ...env, FHIR_NDJSON_DIR: exported });
    const output = await process.printed('Ctrl-C stops everything');
    expect(output).toMatch(/Source {9}.*export/);
    expect(await countAll(urlOf(output))).toEqual({ patient_simple: 1, condition_simple: 1 });
    expect(await process.signalGroup('SIGINT')).toBe(0);

    const wrong = start(env);
    expect(await wrong.ended).not.toBe(0);
    expect(wrong.output()).toContain('VM3005 the runner memory needs FHIR_BASE_URL or FHIR_NDJSON_DIR');
  }, 120_000);
});

async function countAll(url: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const view of ['patient_simple', 'condition_simple']) {
    counts[view] = ((await (await fetch(`${url}/analytics/view-definitions/${view}/count`)).json()) as { count: number }).count;
  }
  return counts;
}

/** A PATH with links to what an embedded PostgreSQL needs of the system, and no redis-server. */
function pathWithoutRedis(bin: string): string {
  mkdirSync(bin, { recursive: true });
  const entries = (process.env['PATH'] ?? '').split(':').filter((entry) => existsSync(entry));
  for (const entry of entries) {
    for (const name of readdirSync(entry)) {
      if (name.startsWith('redis') || existsSync(join(bin, name))) continue;
      try {
        symlinkSync(join(entry, name), join(bin, name));
      } catch {
        // A dangling link of the system: nobody needs it.
      }
    }
  }
  return bin;
}

/** Command lines of processes that work on the folder. */
function processesOf(dataDir: string): string[] {
  if (!existsSync('/proc'))
    return execFileSync('ps', ['-Ao', 'args'])
      .toString()
      .split('\n')
      .filter((line) => line.includes(dataDir));
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(join('/proc', pid, 'cmdline'), 'utf8').replaceAll('\0', ' ');
      } catch {
        return '';
      }
    })
    .filter((line) => line.includes(dataDir) || line.includes(dirname(dataDir)));
}
