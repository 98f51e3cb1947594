import { type Generation, type GenerationTables, generationTables } from '@viewmill/catalog';
import { ident, ViewmillError, type ViewStatus } from '@viewmill/contracts';
import { indexHints, type ViewPlan } from '@viewmill/views';
import type { PoolClient } from 'pg';
import sql, { empty, join, raw, type Sql } from 'sql-template-tag';
import { commentsOn } from './comments.ts';
import { sqlState } from './failures.ts';

/** Columns that every generation has besides those of the plan, and those that PostgreSQL gives every table. */
const TAKEN = new Set(['res_id', 'ordinal', 'tableoid', 'ctid', 'xmin', 'cmin', 'xmax', 'cmax']);

/** @throws ViewmillError VM1106 for a column that a table of rows cannot have. */
export function checkColumns(plan: ViewPlan): void {
  const taken = plan.columns.find(({ name }) => TAKEN.has(name));
  if (taken !== undefined)
    throw new ViewmillError('VM1106', `a materialized view cannot have a column named ${taken.name}`, { at: taken.name });
}

export function tablesOf(schema: string, { relation }: Generation): GenerationTables {
  return generationTables(schema, relation);
}

/** Deltas leave dead rows behind: cleaned up earlier than PostgreSQL does by default, so that scans stay as fast as after a build. */
const STORAGE = sql` with (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.05)`;

/**
 * Makes both tables, empty. In the transaction of the COPY, so that rows can be written frozen.
 * @param tagged whether keys have tags.
 */
export async function createTables(client: PoolClient, tables: GenerationTables, plan: ViewPlan, tagged: boolean): Promise<void> {
  const columns = plan.columns.map(({ name, sqlType }) => sql`, ${ident(name)} ${raw(sqlType)}${collation(sqlType)}`);
  await client.query(
    sql`create table ${tables.rows} (res_id bigint not null, ordinal integer not null${join(columns, '')})${STORAGE}`,
  );
  await client.query(
    sql`create table ${tables.versions} (res_id bigint not null, res_ver bigint not null${tagged ? sql`, tags text` : empty})${STORAGE}`,
  );
}

/**
 * Texts are compared by code point, as FHIRPath and the runners do: ranges, prefixes and sorting can use the indexes whatever the
 * database's locale, and building these costs less than half.
 */
function collation(sqlType: string): Sql {
  return sqlType === 'text' || sqlType === 'text[]' ? sql` collate "C"` : empty;
}

/** Makes keys, the hinted indexes, statistics and comments. @returns the indexes that the view's author asked for. */
export async function finishTables(
  client: PoolClient,
  schema: string,
  generation: Generation,
  plan: ViewPlan,
): Promise<ViewStatus['indexes']> {
  const tables = tablesOf(schema, generation);
  const name = (suffix: string): Sql => ident(`${generation.relation}${suffix}`);
  await client.query(sql`alter table ${tables.rows} add constraint ${name('_k')} primary key (res_id, ordinal)`);
  await client.query(sql`alter table ${tables.versions} add constraint ${name('_vk')} primary key (res_id)`);
  const indexes: ViewStatus['indexes'][number][] = [];
  for (const [position, { columns }] of indexHints(plan).entries()) {
    const index = `${generation.relation}_i${position + 1}`;
    await createIndex(client, ident(index), tables.rows, columns);
    indexes.push({ name: index, columns });
  }
  await client.query(commentsOn('table', tables.rows, plan));
  await analyze(client, tables, plan);
  return indexes;
}

/** What is enough for columns without an index. */
const FEW_STATISTICS = 20;

/**
 * Full statistics for keys and indexed columns, coarser ones for the others: ANALYZE samples and sorts every column, and with its
 * default for all of them it takes half of the time after the COPY (27 columns, 43 000 rows: 340 ms).
 */
async function analyze(client: PoolClient, { rows, versions }: GenerationTables, plan: ViewPlan): Promise<void> {
  const indexed = new Set(indexHints(plan).flatMap(({ columns }) => columns));
  const names = (list: readonly string[]): Sql => join(list.map((name) => ident(name)));
  await client.query(sql`analyze ${rows} (${names(['res_id', 'ordinal', ...indexed])}), ${versions}`);
  const others = plan.columns.map(({ name }) => name).filter((name) => !indexed.has(name));
  if (others.length === 0) return;
  await client.query(sql`select set_config('default_statistics_target',
    least(current_setting('default_statistics_target')::int, ${FEW_STATISTICS}::int)::text, true)`);
  await client.query(sql`analyze ${rows} (${names(others)})`);
}

/** A btree; where a value is too long for one (more than 2 704 bytes), a hash index, which serves equality. */
async function createIndex(client: PoolClient, index: Sql, rows: Sql, columns: readonly string[]): Promise<void> {
  const list = join(columns.map((column) => ident(column)));
  await client.query('savepoint an_index');
  try {
    await client.query(sql`create index ${index} on ${rows} (${list})`);
  } catch (error) {
    if (sqlState(error) !== '54000' || columns.length > 1) throw error;
    await client.query('rollback to savepoint an_index');
    await client.query(sql`create index ${index} on ${rows} using hash (${list})`);
  }
  await client.query('release savepoint an_index');
}

/** Bytes of both tables with their indexes. */
export async function sizeOf(client: PoolClient, { rows, versions }: GenerationTables): Promise<number> {
  const answer = await client.query<{ bytes: number }>(
    sql`select (pg_total_relation_size(${rows.text}::regclass) + pg_total_relation_size(${versions.text}::regclass))::float8 as bytes`,
  );
  return answer.rows[0]?.bytes ?? 0;
}
