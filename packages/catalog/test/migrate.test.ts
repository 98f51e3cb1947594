import { randomBytes } from 'node:crypto';
import { useDatabase } from '@viewmill/testkit';
import pg from 'pg';
import { afterAll, describe, expect, test } from 'vitest';
import { migrate } from '../src/index.ts';

describe('migrate', () => {
  const database = useDatabase('empty');
  const role = `vmtest_reader_${randomBytes(4).toString('hex')}`;
  const roles = [role, `${role}_login`];
  afterAll(async () => {
    for (const name of roles) {
      await database.pool.query(`do $$ begin if exists (select from pg_roles where rolname = '${name}') then
        drop owned by ${name}; drop role ${name}; end if; end $$`);
    }
  });

  test('many processes at once, and again: applied once, the role made once', async () => {
    const results = await Promise.all(
      [1, 2, 3, 4].map(async () => {
        const pool = new pg.Pool({ connectionString: database.url });
        try {
          return await migrate(pool, { schema: 'views', readerRole: role });
        } finally {
          await pool.end();
        }
      }),
    );
    expect(results.flatMap(({ applied }) => applied)).toEqual([1, 2, 3]);
    expect(await migrate(database.pool, { schema: 'views', readerRole: role })).toEqual({ applied: [], notices: [] });
    const { rows } = await database.pool.query(
      `select rolcanlogin, rolsuper, has_schema_privilege(rolname, 'views', 'usage') as usage, has_schema_privilege(rolname, 'views', 'create') as create,
        (select count(*)::int from pg_class c join pg_namespace n on n.oid = relnamespace and nspname = 'views'
          where relkind in ('r', 'v') and has_table_privilege(r.oid, c.oid, 'select, insert, update, delete')) as tables
       from pg_roles r where rolname = '${role}'`,
    );
    expect(rows).toEqual([{ rolcanlogin: false, rolsuper: false, usage: true, create: false, tables: 0 }]);
  });

  test('a schema of a newer program is refused', async () => {
    await migrate(database.pool, { schema: 'newer', readerRole: '' });
    await database.pool.query(`insert into newer._migration (version, name) values (1000, 'from the future')`);
    await expect(migrate(database.pool, { schema: 'newer', readerRole: '' })).rejects.toMatchObject({ code: 'VM3013' });
  });

  test('without the right to make roles there is a notice; without the right to make the schema a coded error', async () => {
    const login = `${role}_login`;
    await database.pool.query(`create role ${login} login password 'p'; create schema given authorization ${login}`);
    const url = new URL(database.url);
    url.username = login;
    url.password = 'p';
    const pool = new pg.Pool({ connectionString: url.href });
    try {
      const { notices } = await migrate(pool, { schema: 'given', readerRole: `${role}_missing` });
      expect(notices).toHaveLength(1);
      await expect(migrate(pool, { schema: 'not_given', readerRole: '' })).rejects.toMatchObject({ code: 'VM3002' });
    } finally {
      await pool.end();
    }
  });
});
