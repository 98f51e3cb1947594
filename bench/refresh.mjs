import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { compileToSql, inlineParameters } from '@viewmill/backend-sql';
import { currentResources, disableLive, enableLive } from '@viewmill/fhir-source';
import { builtInViews } from '@viewmill/views';
import { median, report, setUp, timed } from './setup.mjs';

const VIEW = 'observation_labs';
const SHARES = [
  ['nothing', () => 0],
  ['10', () => 10],
  ['0.1 %', (n) => Math.round(n / 1000)],
  ['1 %', (n) => Math.round(n / 100)],
  ['10 %', (n) => Math.round(n / 10)],
];

/**
 * What a refresh costs after so many of so many resources changed: by comparing keys, by live capture, in full, and by PostgreSQL's
 * REFRESH MATERIALIZED VIEW CONCURRENTLY; then exact reads beside plain ones; then what live capture costs HAPI's writes.
 */
export async function refresh({ rounds, sizes = [100_000, 1_000_000] }) {
  for (const size of sizes) await refreshOne(size, Math.min(rounds, 3));
}

async function refreshOne(size, rounds) {
  const system = await setUp({ scale: 1 });
  const { pool, layout, plans } = system;
  const plan = plans.get(VIEW);
  const { definition } = builtInViews().find(({ name }) => name === VIEW);
  process.stdout.write(`${size} Observations …\n`);
  await multiply(pool, size);
  const worker = fork(fileURLToPath(new URL('./refresher.mjs', import.meta.url)), [system.url]);
  const ask = async (message) => {
    worker.send({ definition, ...message });
    return (await once(worker, 'message'))[0];
  };
  const rows = [];
  const add = (what, ms, note = '') => {
    rows.push({ what, ms, note });
    process.stdout.write(`  ${what}  ${ms.toFixed(1)} ms  ${note}\n`);
  };
  const live = async (on) => {
    const client = await pool.connect();
    await (on ? enableLive : disableLive)(client, 'sqlonfhir', layout);
    client.release();
  };

  const full = await ask({ refresh: 'full' });
  add('full build', full.ms);
  const { rows: select } = compileToSql(plan, currentResources(layout, plan.resource, plan.needs), { ordinal: true });
  const native = await timed(async () => {
    await pool.query(`create materialized view native as ${inlineParameters(select)}`);
    await pool.query('create unique index on native (res_id, ordinal)');
  });
  add('PostgreSQL: create materialized view and its key', native);
  const concurrently = () => timed(() => pool.query('refresh materialized view concurrently native'));

  await live(true);
  await ask({ refresh: 'auto' });
  const noise = () => pool.query('vacuum analyze hfj_resource, hfj_res_ver');
  await noise();
  const results = {};
  for (const [what, of] of SHARES) {
    const n = of(size);
    const times = { delta: [], live: [], concurrently: [] };
    const modes = {};
    for (let round = 0; round < rounds; round += 1) {
      for (const mode of ['delta', 'live']) {
        await change(pool, n);
        const done = await ask({ refresh: mode === 'live' ? 'auto' : 'delta' });
        modes[mode] = `${done.mode}, ${done.changed} changed`;
        times[mode].push(done.ms);
      }
      if (round === 0) times.concurrently.push(await concurrently());
    }
    const [delta, byLive, theirs] = [median(times.delta), median(times.live), median(times.concurrently)];
    results[what] = { delta, live: byLive, concurrently: theirs };
    add(`${what} changed: REFRESH … CONCURRENTLY`, theirs);
    add(`${what} changed: delta`, delta, `${(theirs / delta).toFixed(0)} times faster (${modes.delta})`);
    add(`${what} changed: live`, byLive, `${(theirs / byLive).toFixed(0)} times faster (${modes.live})`);
  }

  const { patient_id: patient } = (
    await pool.query(`select patient_id from sqlonfhir.${VIEW} group by 1 order by count(*) desc limit 1`)
  ).rows[0];
  const reads = async (label) => {
    const asked = { plain: { read: 'any' }, exact: { read: 'exact' } };
    for (const [what, more] of [
      ['count', { count: true }],
      ['all rows', {}],
      ['a patient', { patient }],
    ]) {
      const times = { plain: [], exact: [] };
      for (let round = 0; round <= rounds * 3; round += 1)
        for (const [kind, read] of Object.entries(asked)) {
          const { ms } = await ask({ ...read, ...more });
          if (round > 0) times[kind].push(ms);
        }
      const [plain, exact] = [median(times.plain), median(times.exact)];
      add(
        `exact read, ${label}, ${what}`,
        exact,
        `plain ${plain.toFixed(1)} ms: ${(exact / plain).toFixed(2)} times, ${(exact - plain).toFixed(1)} ms more`,
      );
    }
  };
  await change(pool, Math.round(size / 1000));
  await reads('0.1 % changed, live capture');
  await live(false);
  await reads('0.1 % changed, keys compared');
  await measureWrites(pool, live, add);
  worker.kill();
  report(size === 100_000 ? 'refresh' : `refresh-${size}`, rows, { size, results });
  await system.tearDown();
}

/** What live capture costs HAPI's writes, by itself. */
export async function writes() {
  const system = await setUp({ scale: 1 });
  const { pool, layout } = system;
  const live = async (on) => {
    const client = await pool.connect();
    await (on ? enableLive : disableLive)(client, 'sqlonfhir', layout);
    client.release();
  };
  const rows = [];
  await measureWrites(pool, live, (what, ms, note) => rows.push({ what, ms, note }));
  report('writes', rows);
  await system.tearDown();
}

/** Copies of the Observations there are, until there are so many: real texts under new keys. */
export async function multiply(pool, size) {
  await pool.query(`
    with numbered as (select r.res_id, v.res_text_vc, row_number() over () - 1 as n
      from hfj_resource r join hfj_res_ver v using (res_id, res_ver) where r.res_type = 'Observation' and r.res_deleted_at is null),
    copies as materialized (select 100000000 + s as new_id, res_text_vc
      from generate_series(1, greatest(0, ${size} - (select count(*) from numbered))::int) s
      join numbered on n = s % (select count(*) from numbered)),
    resources as (insert into hfj_resource (res_id, res_version, has_tags, res_published, res_updated, fhir_id, sp_has_links, sp_coords_present,
        sp_date_present, sp_number_present, sp_quantity_nrml_present, sp_quantity_present, sp_string_present, sp_token_present, sp_uri_present, res_type, res_ver)
      select new_id, 'R4', false, now(), now(), 'copy-' || new_id, false, false, false, false, false, false, false, false, false, 'Observation', 1 from copies)
    insert into hfj_res_ver (pid, res_version, has_tags, res_published, res_updated, res_encoding, res_id, res_text_vc, res_type, res_ver)
      select new_id, 'R4', false, now(), now(), 'JSON', new_id, res_text_vc, 'Observation', 1 from copies`);
  await pool.query('vacuum analyze hfj_resource, hfj_res_ver');
}

/** New versions of resources picked at random; analyzed in between, or the planner joins a large pick as if it were a small one. */
async function change(pool, n) {
  if (n === 0) return;
  const client = await pool.connect();
  await client.query('drop table if exists picked');
  await client.query(`create temporary table picked as select res_id, res_ver from hfj_resource
    where res_type = 'Observation' and res_deleted_at is null order by random() limit ${n}`);
  await client.query('analyze picked');
  await client.query(`
    with last as materialized (select max(pid) as pid from hfj_res_ver)
    insert into hfj_res_ver (pid, res_version, has_tags, res_published, res_updated, res_encoding, res_id, res_text_vc, res_type, res_ver)
      select last.pid + row_number() over (), 'R4', false, now(), now(), 'JSON', v.res_id,
        replace(v.res_text_vc, '"final"', '"amended"'), 'Observation', v.res_ver + 1 from last, picked join hfj_res_ver v using (res_id, res_ver)`);
  await client.query(
    'update hfj_resource r set res_ver = p.res_ver + 1, res_updated = now() from picked p where r.res_id = p.res_id',
  );
  client.release();
}

/** A PUT as HAPI makes it: the version, the search indexes, the resource under its optimistic lock. */
async function measureWrites(pool, live, add) {
  const ids = (
    await pool.query(
      `select res_id from hfj_resource where res_type = 'Patient' and res_deleted_at is null order by res_id limit 100`,
    )
  ).rows;
  const client = await pool.connect();
  const put = async (resId) => {
    await client.query('begin');
    const { rows } = await client.query(
      'select r.res_ver, v.res_text_vc from hfj_resource r join hfj_res_ver v using (res_id, res_ver) where r.res_id = $1',
      [resId],
    );
    const [{ res_ver: version, res_text_vc: text }] = rows;
    await client.query(
      `insert into hfj_res_ver (pid, res_version, has_tags, res_published, res_updated, res_encoding, res_id, res_text_vc, res_type, res_ver)
       select (select max(pid) from hfj_res_ver) + 1, 'R4', false, now(), now(), 'JSON', $1, $2, 'Patient', $3`,
      [resId, text, Number(version) + 1],
    );
    for (const table of ['hfj_spidx_token', 'hfj_spidx_string', 'hfj_spidx_date', 'hfj_res_link'])
      await client.query(`select count(*) from ${table} where ${table === 'hfj_res_link' ? 'src_resource_id' : 'res_id'} = $1`, [
        resId,
      ]);
    await client.query(`update hfj_spidx_string set sp_value_normalized = sp_value_normalized where res_id = $1`, [resId]);
    await client.query('update hfj_resource set res_ver = res_ver + 1, res_updated = now() where res_id = $1 and res_ver = $2', [
      resId,
      version,
    ]);
    await client.query('commit');
  };
  const times = { off: [], on: [] };
  for (let round = 0; round < 30; round += 1) {
    for (const how of round % 2 === 0 ? ['off', 'on'] : ['on', 'off']) {
      await live(how === 'on');
      const ms = await timed(async () => {
        for (const { res_id: id } of ids) await put(id);
      });
      times[how].push(ms / ids.length);
    }
  }
  await live(false);
  client.release();
  const [off, on] = [median(times.off), median(times.on)];
  add('a PUT without live capture', off);
  add('a PUT with live capture', on, `${((on / off - 1) * 100).toFixed(1)} % more`);
}
