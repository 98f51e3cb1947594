import { createCatalog } from '@viewmill/catalog';
import { detectHapi } from '@viewmill/fhir-source';
import { refreshView } from '@viewmill/materializer';
import { builtInViews, compileView } from '@viewmill/views';
import pg from 'pg';

/**
 * Refreshes in a process of its own, as a worker does: what the bench and the peers hold in memory must not slow its collections.
 * Started with the database's URL; answers each view's name with how long its phases took.
 */
const pool = new pg.Pool({ connectionString: process.argv[2], max: 8 });
const catalog = createCatalog({ pool, schema: 'sqlonfhir' });
const layout = await detectHapi(pool, { schema: 'public', timeZone: 'UTC' });
const plans = new Map(builtInViews().map(({ name, definition }) => [name, compileView(definition)]));

process.on('message', async (name) => {
  let pipeline = 0;
  const started = performance.now();
  const onProgress = ({ phase }) => {
    if (phase === 'indexing' && pipeline === 0) pipeline = performance.now() - started;
  };
  const place = { source: pool, target: pool, catalog, layout, readerRole: 'viewmill_reader' };
  await refreshView({ plan: plans.get(name), name, reason: 'request', mode: 'full', ...place, onProgress });
  process.send({ pipeline, whole: performance.now() - started });
});
