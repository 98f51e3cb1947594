import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { compileRows, copyEncoder, parseResource } from '@viewmill/backend-js';
import { compileToSql, inlineParameters } from '@viewmill/backend-sql';
import { currentResources, readResources } from '@viewmill/fhir-source';
import { builtInViews } from '@viewmill/views';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { interleave, median, report, setUp, timed } from './setup.mjs';

const VIEW = 'observation_labs';

/** Full build of observation_labs against the limit (raw COPY both ways), the database's own way, and the peers npm has. */
export async function build({ rounds, scale }) {
  const system = await setUp({ scale });
  const { pool, layout, plans } = system;
  const plan = plans.get(VIEW);
  const captured = await capture(system, plan);
  const columns = plan.columns.map(({ name, sqlType }) => `"${name}" ${sqlType}`).join(', ');
  const ddl = (table) => `create table ${table} (res_id bigint not null, ordinal integer not null, ${columns})`;
  const { rows } = compileToSql(plan, currentResources(layout, plan.resource, plan.needs));
  const select = inlineParameters(rows);
  const phases = [];
  const builder = fork(fileURLToPath(new URL('./builder.mjs', import.meta.url)), [system.url]);

  const contenders = {
    limit: () => limit(pool, captured, ddl),
    build: async () => {
      builder.send(VIEW);
      const [{ pipeline: milliseconds, whole }] = await once(builder, 'message');
      phases.push(milliseconds);
      return whole;
    },
    native: async () => {
      await pool.query('drop materialized view if exists bench_native');
      return timed(() => pool.query(`create materialized view bench_native as ${select}`));
    },
    ...(await peers(captured)),
  };
  const times = await interleave(contenders, rounds, ['peer: Medplum evalSqlOnFhir, rows in memory']);
  const pipelineMs = median(phases.slice(1));
  const resources = captured.resources;
  report(
    'build',
    [
      { what: 'limit: raw COPY out and COPY in, at once, nothing between', ms: times.limit },
      {
        what: 'viewmill: COPY out → rows → COPY in',
        ms: pipelineMs,
        note: `${(times.limit / pipelineMs).toFixed(2)} of the limit, ${(times.native / pipelineMs).toFixed(2)} × native`,
      },
      {
        what: 'viewmill: the same with indexes, ANALYZE, swap, history',
        ms: times.build,
        note: `${(times.limit / times.build).toFixed(2)} of the limit, ${(times.native / times.build).toFixed(2)} × native`,
      },
      { what: 'PostgreSQL: CREATE MATERIALIZED VIEW of the generated SQL', ms: times.native },
      ...Object.entries(times)
        .filter(([name]) => name.startsWith('peer'))
        .map(([name, ms]) => ({ what: name, ms, note: `${(ms / pipelineMs).toFixed(1)} × ours` })),
    ],
    { scale, resources, rows: captured.rows },
  );
  builder.kill();
  await system.tearDown();
}

/** What the pipeline reads and writes, so that the limit moves the same bytes. */
async function capture({ pool, layout, folder }, plan) {
  const client = await pool.connect();
  const encoder = copyEncoder(plan);
  const makeRows = compileRows(plan);
  const file = join(folder, 'resources.ndjson');
  const out = createWriteStream(file);
  const chunks = [];
  let resources = 0;
  let rows = 0;
  for await (const batch of readResources(client, layout, { resourceType: plan.resource, needs: plan.needs })) {
    for (const resource of batch) {
      resources += 1;
      const parsed = parseResource(resource.text, { decimals: plan.needs.decimals });
      parsed.id = resource.id;
      let ordinal = 0;
      makeRows(parsed, (row) => {
        rows += 1;
        encoder.add(resource.resId, ordinal++, row);
      });
      out.write(`${resource.text.replace('{', `{"id":"${resource.id}",`)}\n`);
      if (encoder.size() > 65536) chunks.push(encoder.take());
    }
  }
  chunks.push(encoder.take());
  out.end();
  await finished(out);
  client.release();
  return { chunks, file, resources, rows };
}

async function limit(pool, { chunks }, ddl) {
  const [reader, writer] = [await pool.connect(), await pool.connect()];
  await writer.query('drop table if exists bench_limit');
  const milliseconds = await timed(() => Promise.all([readAll(reader), writeAll(writer, chunks, ddl)]));
  reader.release();
  writer.release();
  return milliseconds;
}

function readAll(client) {
  const select = `select r.res_id, r.res_ver, r.fhir_id, v.res_encoding, v.res_text_vc from hfj_resource r
    join hfj_res_ver v on v.res_id = r.res_id and v.res_ver = r.res_ver where r.res_type = 'Observation' and r.res_deleted_at is null`;
  const sink = new Writable({ write: (_chunk, _encoding, done) => done() });
  return pipeline(client.query(copyTo(`copy (${select}) to stdout (format binary)`)), sink);
}

async function writeAll(client, chunks, ddl) {
  await client.query('begin');
  await client.query(ddl('bench_limit'));
  const stream = client.query(copyFrom('copy bench_limit from stdin'));
  for (const chunk of chunks) if (!stream.write(chunk)) await new Promise((resolve) => stream.once('drain', resolve));
  stream.end();
  await finished(stream);
  await client.query('commit');
}

/** Peers of npm, over the same resources as NDJSON: from the file to a table, or to rows in memory. */
async function peers({ file }) {
  const found = {};
  try {
    const { evalSqlOnFhir } = await import('@medplum/core');
    const definition = builtInViews().find(({ name }) => name === VIEW).definition;
    found['peer: Medplum evalSqlOnFhir, rows in memory'] = () =>
      timed(async () => {
        const text = await readFile(file, 'utf8');
        const resources = text
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => JSON.parse(line));
        evalSqlOnFhir(definition, resources);
      });
    const probe = JSON.parse((await readFile(file, 'utf8')).split('\n')[0]);
    evalSqlOnFhir(definition, [probe]);
  } catch (error) {
    delete found['peer: Medplum evalSqlOnFhir, rows in memory'];
    process.stdout.write(`Medplum left out: ${error.message}\n`);
  }
  try {
    const { DuckDBInstance } = await import('@duckdb/node-api');
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    await connection.run('set threads to 2');
    found['peer: DuckDB read_ndjson, SQL by hand, table in memory'] = () => timed(() => connection.run(duckdbSql(file)));
    await connection.run(duckdbSql(file));
  } catch (error) {
    delete found['peer: DuckDB read_ndjson, SQL by hand, table in memory'];
    process.stdout.write(`DuckDB left out: ${error.message}\n`);
  }
  return found;
}

function duckdbSql(file) {
  return `create or replace table labs as
    select id, split_part(subject.reference, '/', 2) as patient_id, split_part(encounter.reference, '/', 2) as encounter_id,
      code.coding[1].code as code, code.coding[1].system as code_system, coalesce(code.text, code.coding[1].display) as display,
      valueQuantity.value as value, valueQuantity.unit as unit, effectiveDateTime as effective, status
    from read_ndjson('${file}', columns = {
      id: 'VARCHAR', status: 'VARCHAR', category: 'STRUCT(coding STRUCT(system VARCHAR, code VARCHAR)[])[]',
      code: 'STRUCT(coding STRUCT(system VARCHAR, code VARCHAR, display VARCHAR)[], text VARCHAR)', subject: 'STRUCT(reference VARCHAR)',
      encounter: 'STRUCT(reference VARCHAR)', effectiveDateTime: 'VARCHAR', valueQuantity: 'STRUCT(value DOUBLE, unit VARCHAR, code VARCHAR)' })
    where len(list_filter(flatten(list_transform(category, c -> c.coding)), x -> x.code = 'laboratory')) > 0`;
}
