import { ident } from '@viewmill/contracts';
import sql, { join, type Sql } from 'sql-template-tag';
import type { Queryable } from './queryable.ts';
import { table } from './tables.ts';

/** Not permitted; there already (made by another database of the server in the meantime). */
const NOT_PERMITTED = '42501';
const THERE_ALREADY = new Set(['42710', '23505']);

/**
 * Makes the role, if it may, and grants it the schema's use and the published views: nothing else, no table of the catalog.
 * @returns notices; a role that cannot be made is no failure.
 */
export async function prepareReader(client: Queryable, schema: string, role: string): Promise<readonly string[]> {
  if (role === '') return [];
  if (!(await roleExists(client, role))) {
    try {
      await client.query(sql`create role ${ident(role)} nologin`);
    } catch (error) {
      const { code = '' } = error as { code?: string };
      if (code === NOT_PERMITTED)
        return [`role ${role} does not exist and this user may not create it: nobody is granted the views`];
      if (!THERE_ALREADY.has(code)) throw error;
    }
  }
  await client.query(sql`grant usage on schema ${ident(schema)} to ${ident(role)}`);
  const { rows } = await client.query<{ name: string }>(
    sql`select name from ${table(schema, '_view')} where generation is not null order by name`,
  );
  if (rows.length > 0)
    await client.query(
      grantSelect(
        schema,
        rows.map(({ name }) => name),
        role,
      ),
    );
  return [];
}

/** Grants a view that has just been published; nothing if there is no such role. Part of the caller's transaction. */
export async function grantToReader(client: Queryable, schema: string, view: string, role: string): Promise<void> {
  if (role !== '' && (await roleExists(client, role))) await client.query(grantSelect(schema, [view], role));
}

function grantSelect(schema: string, views: readonly string[], role: string): Sql {
  return sql`grant select on ${join(views.map((view) => ident(schema, view)))} to ${ident(role)}`;
}

async function roleExists(client: Queryable, role: string): Promise<boolean> {
  const { rows } = await client.query<{ found: boolean }>(
    sql`select exists (select from pg_catalog.pg_roles where rolname = ${role}) as found`,
  );
  return rows[0]?.found === true;
}
