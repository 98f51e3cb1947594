import { createCatalog } from '@viewmill/catalog';
import { searchSchema } from '@viewmill/contracts';
import { detectHapi } from '@viewmill/fhir-source';
import { refreshView } from '@viewmill/materializer';
import { createRunner } from '@viewmill/runner';
import { compileView } from '@viewmill/views';
import pg from 'pg';

/**
 * Refreshes and reads in a process of its own, as a worker does. Started with the database's URL; each message is
 * `{ definition, refresh: mode }` or `{ definition, read: 'exact' | 'any', patient }`; the answer tells how long it took.
 */
const pool = new pg.Pool({ connectionString: process.argv[2], max: 8 });
const catalog = createCatalog({ pool, schema: 'sqlonfhir' });
const layout = await detectHapi(pool, { schema: 'public', timeZone: 'UTC' });
const runner = createRunner({ kind: 'hybrid', source: pool, target: pool, layout, catalog, maxRows: 10_000_000 });
const plans = new Map();

process.on('message', async ({ definition, refresh, read, patient, count }) => {
  const { name } = definition;
  if (!plans.has(name)) plans.set(name, compileView(definition));
  const plan = plans.get(name);
  const started = performance.now();
  if (refresh !== undefined) {
    const place = { source: pool, target: pool, catalog, layout, readerRole: 'viewmill_reader' };
    const { mode, why, changed } = await refreshView({ plan, name, reason: 'request', mode: refresh, ...place });
    runner.invalidate();
    process.send({ ms: performance.now() - started, mode, why, changed });
    return;
  }
  const conditions = patient === undefined ? [] : [{ field: 'patient', operator: 'eq', values: [patient] }];
  const search = searchSchema.parse({ conditions });
  const options = { freshness: read };
  const answer = count
    ? await runner.executeCount({ name, plan }, search, options)
    : await runner.execute({ name, plan }, search, undefined, options);
  process.send({ ms: performance.now() - started, reason: answer.meta.reason, rows: answer.meta.rows });
});
