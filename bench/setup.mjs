import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCatalog, migrate } from '@viewmill/catalog';
import { createDemoDatabase } from '@viewmill/demo';
import { detectHapi } from '@viewmill/fhir-source';
import { startPostgres } from '@viewmill/services';
import { builtInViews, compileView } from '@viewmill/views';
import pg from 'pg';

/** A throwaway PostgreSQL with the demo data, the catalog and the built-in views. Durable settings: what is measured is what users get. */
export async function setUp({ scale }) {
  const folder = mkdtempSync(join(tmpdir(), 'viewmill-bench-'));
  const postgres = await startPostgres({ dataDir: join(folder, 'postgres') });
  const pool = new pg.Pool({ connectionString: postgres.url('postgres'), max: 20 });
  process.stdout.write(`loading demo data (scale ${scale}) …\n`);
  const client = await pool.connect();
  const counts = await createDemoDatabase(client, { scale });
  client.release();
  const schema = 'sqlonfhir';
  await migrate(pool, { schema, readerRole: 'viewmill_reader' });
  const catalog = createCatalog({ pool, schema });
  const plans = new Map(builtInViews().map(({ name, definition }) => [name, compileView(definition)]));
  await catalog.installBuiltIns(
    builtInViews().map(({ name, definition }) => ({
      name,
      definition,
      resource: plans.get(name).resource,
      title: plans.get(name).title,
    })),
  );
  const layout = await detectHapi(pool, { schema: 'public', timeZone: 'UTC' });
  return {
    url: postgres.url('postgres'),
    pool,
    catalog,
    layout,
    plans,
    counts,
    folder,
    tearDown: async () => {
      await pool.end();
      await postgres.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * Runs the contenders in turn, round after round, so that a machine whose speed drifts slows all of them alike.
 * @param contenders name → async () => milliseconds; the first round is not counted
 * @param slow names of contenders that run in one round only: they would take most of the time and tell nothing new
 */
export async function interleave(contenders, rounds, slow = []) {
  const times = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
  for (let round = 0; round <= rounds; round += 1) {
    for (const [name, run] of Object.entries(contenders)) {
      if (slow.includes(name) && round !== 1) continue;
      const milliseconds = await run();
      if (round > 0) times[name].push(milliseconds);
    }
  }
  return Object.fromEntries(Object.entries(times).map(([name, values]) => [name, median(values)]));
}

export async function timed(work) {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

export function report(name, rows, extra = {}) {
  const width = Math.max(...rows.map(({ what }) => what.length));
  for (const { what, ms, note = '' } of rows)
    process.stdout.write(`${what.padEnd(width)}  ${ms.toFixed(2).padStart(10)} ms  ${note}\n`);
  const folder = new URL('./results/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  const result = { bench: name, at: new Date().toISOString(), node: process.version, cpus: cpus().length, ...extra, rows };
  writeFileSync(new URL(`${name}.json`, folder), `${JSON.stringify(result, null, 2)}\n`);
}
