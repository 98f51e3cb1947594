import { ident, ViewmillError } from '@viewmill/contracts';
import type { PoolClient } from 'pg';
import sql, { join, raw, type Sql } from 'sql-template-tag';

/** How the view of a name has to be replaced so that it shows other columns. */
export type Replacement = 'replace' | 'recreate';

interface ViewColumn {
  readonly name: string;
  /** With its collation: a view cannot be replaced by one that differs in that alone. */
  readonly type: string;
}

/**
 * Whether PostgreSQL can replace the view in place: the columns it has stay, with their types; new ones may follow.
 * @param rows table of the new generation.
 * @throws ViewmillError VM2008 if the name is taken by something that is no view, or if the view has to be made anew and others depend on it.
 */
export async function replacementOf(client: PoolClient, schema: string, view: string, rows: Sql): Promise<Replacement> {
  const { rows: found } = await client.query<{ oid: number; relkind: string }>(sql`
    select c.oid, c.relkind::text from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = ${schema} and c.relname = ${view}`);
  const existing = found[0];
  if (existing === undefined) return 'replace';
  if (existing.relkind !== 'v') {
    throw new ViewmillError('VM2008', `${schema}.${view} exists and is not a view: move it away or name the view otherwise`, {
      at: view,
    });
  }
  const before = await columnsOf(client, sql`${existing.oid}::oid`, 0);
  // The key columns of a generation come first and are not shown.
  const after = await columnsOf(client, sql`${rows.text}::regclass`, 2);
  if (before.every(({ name, type }, index) => after[index]?.name === name && after[index]?.type === type)) return 'replace';
  const dependents = await dependentsOf(client, existing.oid);
  if (dependents.length > 0) {
    throw new ViewmillError('VM2008', `the columns of ${view} change, but these depend on it: ${dependents.join(', ')}`, {
      at: view,
    });
  }
  return 'recreate';
}

/** Replaces the view and, where it is made anew, grants it to whom it was granted before. */
export async function replaceView(
  client: PoolClient,
  schema: string,
  view: string,
  rows: Sql,
  columns: readonly string[],
  how: Replacement,
): Promise<void> {
  const name = ident(schema, view);
  const select = sql`select ${join(columns.map((column) => ident(column)))} from ${rows}`;
  if (how === 'replace') {
    await client.query(sql`create or replace view ${name} as ${select}`);
    return;
  }
  const grants = await grantsOn(client, name);
  await client.query(sql`drop view if exists ${name}`);
  await client.query(sql`create view ${name} as ${select}`);
  for (const { privilege, grantee, option } of grants) {
    const role = grantee === null ? raw('public') : ident(grantee);
    await client.query(sql`grant ${raw(privilege)} on ${name} to ${role}${raw(option ? ' with grant option' : '')}`);
  }
}

async function columnsOf(client: PoolClient, relation: Sql, skipped: number): Promise<readonly ViewColumn[]> {
  const { rows } = await client.query<ViewColumn>(sql`
    select a.attname::text as name, format_type(a.atttypid, a.atttypmod) || ' ' || a.attcollation as type from pg_catalog.pg_attribute a
    where a.attrelid = ${relation} and a.attnum > ${skipped}::int and not a.attisdropped order by a.attnum`);
  return rows;
}

/** Views and materialized views that read this one, as `schema.name`. */
export async function dependentsOf(client: PoolClient, oid: number): Promise<readonly string[]> {
  const { rows } = await client.query<{ name: string }>(sql`
    select distinct n.nspname || '.' || c.relname as name
    from pg_catalog.pg_depend d
    join pg_catalog.pg_rewrite w on w.oid = d.objid
    join pg_catalog.pg_class c on c.oid = w.ev_class
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass and d.refobjid = ${oid}::oid and c.oid <> ${oid}::oid
    order by name`);
  return rows.map(({ name }) => name);
}

/** Grants to others than the owner; `grantee` null is PUBLIC. The privileges are words of PostgreSQL. */
async function grantsOn(
  client: PoolClient,
  name: Sql,
): Promise<readonly { privilege: string; grantee: string | null; option: boolean }[]> {
  const { rows } = await client.query<{ privilege: string; grantee: string | null; option: boolean }>(sql`
    select a.privilege_type as privilege, r.rolname::text as grantee, a.is_grantable as option
    from pg_catalog.pg_class c, aclexplode(c.relacl) a left join pg_catalog.pg_roles r on r.oid = a.grantee
    where c.oid = to_regclass(${name.text}) and a.grantee <> c.relowner and (r.oid is not null or a.grantee = 0)`);
  return rows;
}
