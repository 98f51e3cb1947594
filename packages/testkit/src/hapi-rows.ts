import { ident } from '@viewmill/contracts';
import type pg from 'pg';
import sql, { join, type Sql } from 'sql-template-tag';

interface Column {
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
}

/** Columns of the tables of each connection's database; the schema does not change during a test. */
const known = new WeakMap<pg.ClientBase, Map<string, readonly Column[]>>();

/** The first row, or null. */
export async function one<T extends pg.QueryResultRow>(client: pg.ClientBase, query: Sql): Promise<T | null> {
  return (await client.query<T>(query)).rows[0] ?? null;
}

export async function hasTable(client: pg.ClientBase, table: string): Promise<boolean> {
  return (await columnsOf(client, table)).length > 0;
}

export async function hasColumn(client: pg.ClientBase, table: string, column: string): Promise<boolean> {
  return (await columnsOf(client, table)).some(({ name }) => name === column);
}

/** Numbers given out by this process, by database and table: two transactions open at once must not get the same one. */
const given = new Map<string, bigint>();

/** A number beyond the current maximum; HAPI's sequences stand where the dump's server left them, which the dump does not say. */
export async function nextPid(client: pg.ClientBase, table: string, column: string): Promise<string> {
  const row = await one<{ max: string }>(
    client,
    sql`select coalesce(max(${ident(column)}), 0)::text as max from ${ident(table)}`,
  );
  const key = `${(client as pg.Client).database}.${table}`;
  const last = [BigInt(row?.max ?? 0), given.get(key) ?? 0n].reduce((a, b) => (a > b ? a : b));
  given.set(key, last + 1n);
  return String(last + 1n);
}

/** Inserts what this version of the table has columns for; columns that must not be null get false, 0 or '' where no value is given. */
export async function insertRow(client: pg.ClientBase, table: string, values: Readonly<Record<string, unknown>>): Promise<void> {
  const columns = (await columnsOf(client, table)).flatMap(({ name, type, required }) => {
    const value = values[name] ?? null;
    if (value !== null) return [{ name, value }];
    return required ? [{ name, value: zeroOf(type) }] : [];
  });
  await client.query(
    sql`insert into ${ident(table)} (${join(columns.map(({ name }) => ident(name)))}) values (${join(columns.map(({ value }) => value as string))})`,
  );
}

function zeroOf(type: string): boolean | number | string {
  if (type === 'boolean') return false;
  return /int|numeric|double/.test(type) ? 0 : '';
}

async function columnsOf(client: pg.ClientBase, table: string): Promise<readonly Column[]> {
  const tables = known.get(client) ?? new Map<string, readonly Column[]>();
  known.set(client, tables);
  const cached = tables.get(table);
  if (cached !== undefined) return cached;
  const { rows } = await client.query<Column>(
    sql`select attname as name, format_type(atttypid, atttypmod) as type, attnotnull and not atthasdef as required
          from pg_attribute where attrelid = to_regclass(${table}) and attnum > 0 and not attisdropped order by attnum`,
  );
  tables.set(table, rows);
  return rows;
}
