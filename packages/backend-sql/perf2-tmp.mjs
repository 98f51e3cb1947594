import { builtInViews, compileView } from '@viewmill/views';
import { compileToSql, inlineParameters } from '@viewmill/backend-sql';
import sql from 'sql-template-tag';
import pg from 'pg';
const c = new pg.Client({ host: '/tmp/bsql', port: 5515, user: 'postgres', database: 'hapi' });
await c.connect();
await c.query('set jit=off; set max_parallel_workers_per_gather=0');
const name = process.argv[2];
for (const v of builtInViews()) {
  const full = v.plan ?? compileView(v.definition ?? v);
  if (full.name !== name) continue;
  await c.query(`create temp table t as select r.res_id * 10 + g as res_id, r.fhir_id id, v.res_text_vc body, null::jsonb meta from hfj_resource r join hfj_res_ver v using(res_id,res_ver), generate_series(1,5) g where r.res_type='${full.resource}' and r.res_deleted_at is null; analyze t`);
  const n = Number((await c.query(`select count(*) n from t`)).rows[0].n);
  for (let k = 0; k < full.columns.length; k++) {
    const keep = full.selects.map((s) => ({ ...s, columns: s.columns.filter((x) => x.slot === k || k === -1).map((x) => ({ ...x, slot: 0 })) }));
    const plan = { ...full, selects: keep, columns: [full.columns[k]], needs: { ...full.needs, properties: ['x'] } };
    const { rows } = compileToSql(plan, sql`select * from t`);
    let best = 1e9;
    for (let i = 0; i < 3; i++) { const s = performance.now(); await c.query({ text: `explain (analyze, timing off) ${rows.text}`, values: rows.values }); best = Math.min(best, performance.now() - s); }
    console.log(full.columns[k].name, full.columns[k].path, (best * 1000 / n).toFixed(1));
  }
}
await c.end();
