import { compileToSql, inlineParameters } from '@viewmill/backend-sql';
import { searchSchema } from '@viewmill/contracts';
import { currentResources } from '@viewmill/fhir-source';
import { refreshView } from '@viewmill/materializer';
import { createRunner } from '@viewmill/runner';
import { interleave, report, setUp, timed } from './setup.mjs';

const VIEWS = ['condition_simple', 'observation_labs'];

/** The postgres and the materialized runner against the same SQL sent by hand: all rows as JSON, count, one patient's rows. */
export async function query({ rounds, scale }) {
  const system = await setUp({ scale });
  const { pool, catalog, layout, plans } = system;
  for (const name of VIEWS) {
    await refreshView({
      plan: plans.get(name),
      name,
      reason: 'request',
      source: pool,
      target: pool,
      catalog,
      layout,
      readerRole: 'viewmill_reader',
    });
  }
  const runners = Object.fromEntries(
    ['postgres', 'materialized'].map((kind) => [kind, createRunner({ kind, source: pool, target: pool, layout, catalog })]),
  );
  const patient = (
    await pool.query('select patient_id from sqlonfhir.observation_labs group by 1 order by count(*) desc limit 1')
  ).rows[0].patient_id;
  const all = searchSchema.parse({});
  const one = searchSchema.parse({ conditions: [{ field: 'patient', operator: 'eq', values: [patient] }] });
  const rows = [];
  for (const name of VIEWS) {
    const plan = plans.get(name);
    const view = { name, plan };
    const table = `sqlonfhir.${name}`;
    const onTheFly = inlineParameters(compileToSql(plan, currentResources(layout, plan.resource, plan.needs)).rows);
    const json = (from, where = '') => `select row_to_json(v)::text from (${from}) v ${where}`;
    const mine = `where patient_id = '${patient}'`;
    const questions = {
      'all rows': [all, json(onTheFly), json(`select * from ${table}`)],
      "one patient's rows": [one, json(onTheFly, mine), json(`select * from ${table} ${mine}`)],
      count: [null, `select count(*) from (${onTheFly}) v`, `select count(*) from ${table}`],
    };
    for (const [what, [search, sqlOnTheFly, sqlTable]] of Object.entries(questions)) {
      const ask = (kind) => () =>
        timed(() => (search === null ? runners[kind].executeCount(view, all) : runners[kind].execute(view, search)));
      const times = await interleave(
        {
          postgres: ask('postgres'),
          'postgres, by hand': () => timed(() => pool.query(sqlOnTheFly)),
          materialized: ask('materialized'),
          'materialized, by hand': () => timed(() => pool.query(sqlTable)),
        },
        rounds * 3,
      );
      for (const kind of ['postgres', 'materialized']) {
        const hand = times[`${kind}, by hand`];
        rows.push({
          what: `${name}, ${what}: ${kind} runner`,
          ms: times[kind],
          note: `${(times[kind] / hand).toFixed(2)} × the same by hand (${hand.toFixed(2)} ms)`,
        });
      }
      rows.push({
        what: `${name}, ${what}: postgres / materialized`,
        ms: times.postgres / times.materialized,
        note: '(a ratio)',
      });
    }
  }
  report('query', rows, { scale, counts: system.counts });
  await system.tearDown();
}
