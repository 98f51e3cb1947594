import { describeWithShared, useDatabase } from '@viewmill/testkit';
import { beforeAll, expect, test } from 'vitest';
import { code, READER, rowsOf, viewOf, type Workshop, workshop } from './setup.ts';

describeWithShared('a definition whose columns change', () => {
  const database = useDatabase('hapi');
  let shop: Workshop;
  const gender = { name: 'gender', path: 'gender' };
  const birth = { name: 'birth', path: 'birthDate' };
  beforeAll(async () => {
    shop = await workshop(database.pool);
  });

  const columns = async (): Promise<readonly unknown[]> =>
    (await database.pool.query('select * from sqlonfhir.shape limit 0')).fields.map(({ name }) => name);

  test('appended columns: dependent views stay; others: refused while views depend on it, and grants are carried over', async () => {
    const { pool } = database;
    await shop.refresh(viewOf('shape', 'Patient', [gender]));
    await pool.query('create view public.mine as select gender, count(*) from sqlonfhir.shape group by gender');
    await shop.refresh(viewOf('shape', 'Patient', [gender, birth]));
    expect(await columns()).toEqual(['id', 'gender', 'birth']);

    const other = viewOf('shape', 'Patient', [birth]);
    const refused = shop.refresh(other);
    expect(await code(refused)).toBe('VM2008');
    await expect(refused).rejects.toThrow('public.mine');
    expect(await columns()).toEqual(['id', 'gender', 'birth']);
    expect(await shop.catalog.viewStatus('shape')).toMatchObject({ status: 'failed' });

    await pool.query('drop view public.mine; grant select on sqlonfhir.shape to public');
    await shop.refresh(other);
    expect(await columns()).toEqual(['id', 'birth']);
    const grants = await rowsOf(
      pool,
      `select coalesce(r.rolname, 'public') as grantee, privilege_type from pg_class c, aclexplode(relacl) a left join pg_roles r on r.oid = grantee
       where c.oid = 'sqlonfhir.shape'::regclass and grantee <> relowner order by 1`,
    );
    expect(grants).toEqual([
      { grantee: 'public', privilege_type: 'SELECT' },
      { grantee: READER, privilege_type: 'SELECT' },
    ]);
  });

  test('another type of a column', async () => {
    await shop.refresh(viewOf('typed', 'Patient', [birth]));
    await shop.refresh(viewOf('typed', 'Patient', [{ ...birth, tag: [{ name: 'ansi/type', value: 'DATE' }] }]));
    expect(await rowsOf(database.pool, 'select pg_typeof(birth)::text as type from sqlonfhir.typed limit 1')).toEqual([
      { type: 'date' },
    ]);
  });

  test('a view made with another collation is replaced all the same', async () => {
    const plan = viewOf('collated', 'Patient', [gender]);
    await shop.refresh(plan);
    await database.pool.query(
      `drop view sqlonfhir.collated; create view sqlonfhir.collated as select 'a'::text collate "POSIX" as id, 'b'::text collate "default" as gender`,
    );
    await shop.refresh(plan, { mode: 'full' });
    expect(await rowsOf(database.pool, 'select count(*)::int as n from sqlonfhir.collated')).toEqual([{ n: 120 }]);
  });

  test('a table of that name is not touched', async () => {
    await database.pool.query('create table sqlonfhir.theirs (a int)');
    expect(await code(shop.refresh(viewOf('theirs', 'Patient', [gender])))).toBe('VM2008');
    expect(await rowsOf(database.pool, 'select * from sqlonfhir.theirs')).toEqual([]);
  });
});
