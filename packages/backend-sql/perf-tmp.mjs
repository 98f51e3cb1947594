import { builtInViews, compileView } from '@viewmill/views';
import { compileToSql, inlineParameters } from '@viewmill/backend-sql';
import sql from 'sql-template-tag';
import pg from 'pg';
const c = new pg.Client({ host: '/tmp/bsql', port: 5515, user: 'postgres', database: 'hapi' });
await c.connect();
await c.query('set jit=off; set max_parallel_workers_per_gather=0');
const which = process.argv[2];
for (const v of builtInViews()) {
  const plan = v.plan ?? compileView(v.definition ?? v);
  if (which && plan.name !== which) continue;
  const src = `create temp table if not exists t_${plan.resource} as select r.res_id * 10 + g as res_id, r.fhir_id id, v.res_text_vc body, jsonb_build_object('versionId', r.res_ver::text, 'lastUpdated', to_char(r.res_updated,'YYYY-MM-DD"T"HH24:MI:SS.MSZ')) meta from hfj_resource r join hfj_res_ver v using(res_id,res_ver), generate_series(1,5) g where r.res_type='${plan.resource}' and r.res_deleted_at is null`;
  await c.query(src); await c.query(`analyze t_${plan.resource}`);
  const rel = sql([`select * from t_${plan.resource}`]);
  for (const ordinal of [false, true]) {
    const { rows } = compileToSql(plan, rel, { ordinal });
    const n = Number((await c.query(`select count(*) n from t_${plan.resource}`)).rows[0].n);
    const text = inlineParameters(rows);
    if (which && !ordinal) { console.log(text); if (process.argv[3]) console.log((await c.query(`explain (analyze, verbose) ${text}`)).rows.map((r) => r['QUERY PLAN']).join('\n')); }
    let best = 1e9, rowsN = 0;
    for (let i = 0; i < 3; i++) { const s = performance.now(); const r = await c.query({ text: `explain (analyze, timing off, costs off, format json) ${rows.text}`, values: rows.values }); best = Math.min(best, performance.now() - s); rowsN = r.rows[0]['QUERY PLAN'][0].Plan['Actual Rows']; }
    console.log(plan.name, ordinal, n, 'resources', rowsN, 'rows', best.toFixed(0), 'ms', (best * 1000 / n).toFixed(1), 'us/resource');
  }
}
await c.end();
