import { describeWithShared, useDatabase } from '@viewmill/testkit';
import pg from 'pg';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { builtIn, type Fixture, fixture, rowsOf, searchOf, where } from './fixture.ts';

interface Prepared {
  readonly statement: string;
  readonly custom: number;
  readonly generic: number;
}

describeWithShared('prepared statements', () => {
  const database = useDatabase('hapi');
  const conditions = builtIn('condition_simple');
  let pool: pg.Pool;
  let made: Fixture;

  // One connection, so that it can be looked into.
  beforeEach(async () => {
    pool = new pg.Pool({ connectionString: database.url, max: 1 });
    made = await fixture(pool);
  });
  afterEach(() => pool.end());

  const list = async (): Promise<Prepared[]> => {
    const { rows } = await pool.query<Prepared>(
      `select statement, custom_plans::int as custom, generic_plans::int as generic from pg_prepared_statements where name like 'viewmill%'`,
    );
    return rows;
  };

  it('are made of what comes again, and planned for the values each time', async () => {
    const runner = made.runner('postgres');
    const answers = [];
    for (let time = 0; time < 9; time++) answers.push(await rowsOf(runner, conditions, searchOf(), 7));
    expect(new Set(answers.map((rows) => JSON.stringify(rows))).size).toBe(1);
    expect(await list()).toEqual([{ statement: expect.stringContaining('string_agg(body') as string, custom: 8, generic: 0 }]);
  });

  it('do not outlive the generation they read', async () => {
    await made.generations.build(pool, made.layout, conditions);
    const runner = made.runner('materialized');
    const all = await rowsOf(runner, conditions);
    for (let time = 0; time < 3; time++) expect(await rowsOf(runner, conditions)).toEqual(all);
    await made.generations.build(pool, made.layout, conditions);
    await pool.query('drop table sqlonfhir.condition_simple_1');
    for (let time = 0; time < 3; time++) expect(await rowsOf(runner, conditions)).toEqual(all);
    expect((await list()).map(({ statement }) => /condition_simple_\d/.exec(statement)?.[0])).toContain('condition_simple_2');
    await pool.query('drop schema sqlonfhir cascade');
  });

  it('are bounded on every connection', async () => {
    const runner = made.runner('postgres');
    const names = conditions.plan.columns
      .filter(({ cast, collection }) => cast === 'text' && !collection)
      .map(({ name }) => name);
    // One shape for each number of conditions and column.
    const shapes = Array.from({ length: 80 }, (_, index) =>
      where(...Array.from({ length: 1 + Math.floor(index / names.length) }, () => `${names[index % names.length]} ne nothing`)),
    );
    for (const search of shapes) for (let time = 0; time < 2; time++) await rowsOf(runner, conditions, search, 1);
    expect(await list()).toHaveLength(64);
  });

  it('may be lost', async () => {
    const runner = made.runner('postgres');
    const all = await rowsOf(runner, conditions);
    await rowsOf(runner, conditions);
    expect(await list()).not.toEqual([]);
    await pool.query('deallocate all');
    for (let time = 0; time < 3; time++) expect(await rowsOf(runner, conditions)).toEqual(all);
    expect(await list()).toEqual([]);
  });
});
