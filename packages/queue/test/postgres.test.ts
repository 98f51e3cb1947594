import { connectQueue } from '@viewmill/queue';
import { type TestDatabase, testDatabase, useDatabase } from '@viewmill/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { queueContract } from './contract.ts';

describe('the queue on PostgreSQL', () => {
  let database: TestDatabase | undefined;
  // Declared before the contract's own hook, so run after it: by then every connection must be closed.
  afterEach(async () => {
    await database?.close();
    database = undefined;
  });

  queueContract(async () => {
    const made = await testDatabase('empty');
    database = made;
    return { url: made.url, options: (postgresUrl) => ({ postgresUrl, prefix: 'test' }), contents: () => dump(made) };
  });
});

describe('the schema of the queue', () => {
  const made = useDatabase();

  it('is made once by processes that start at once', async () => {
    const queues = await Promise.all([1, 2, 3].map(() => connectQueue({ postgresUrl: made.url, prefix: 'with-dash' })));
    expect(queues.map(({ backend }) => backend)).toEqual(['postgres', 'postgres', 'postgres']);
    await Promise.all(queues.map((queue) => queue.close()));
    const { rows } = await made.pool.query(`select count(*)::int from pg_namespace where nspname = 'with_dash_queue'`);
    expect(rows).toEqual([{ count: 1 }]);
  });

  it('is VM3003 if the server cannot be reached', async () => {
    await expect(connectQueue({ postgresUrl: 'postgres://127.0.0.1:1/none', prefix: 'test' })).rejects.toMatchObject({
      code: 'VM3003',
    });
    await expect(connectQueue({ prefix: 'test' })).rejects.toMatchObject({ code: 'VM3005' });
  });
});

async function dump(database: TestDatabase): Promise<string> {
  const { rows: tables } = await database.pool.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'test_queue'`,
  );
  const found: unknown[] = [];
  for (const { name } of tables) found.push(name, (await database.pool.query(`select t::text from ${name} t`)).rows);
  return JSON.stringify(found);
}
