import type { Pool, PoolClient, QueryConfig, QueryResult, QueryResultRow } from 'pg';

/** What only asks: a pg client or a pool. */
export interface Queryable {
  query<R extends QueryResultRow>(query: QueryConfig): Promise<QueryResult<R>>;
}

/** Where the catalog is. */
export interface CatalogPlace {
  readonly pool: Pool;
  /** Setting SQLONFHIR_SCHEMA. */
  readonly schema: string;
}

/** A connection for the work, given back after it; closed if it broke. */
export async function withClient<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  // A connection that breaks while it is taken reports here too; without a listener the process would end.
  const onError = (error: Error): void => {
    broken = error;
  };
  client.on('error', onError);
  try {
    return await work(client);
  } finally {
    client.removeListener('error', onError);
    client.release(broken);
  }
}

/** Runs the work in a transaction on a connection of its own; rolled back if it throws. */
export function inTransaction<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  return withClient(pool, async (client) => {
    await client.query('begin');
    try {
      const result = await work(client);
      await client.query('commit');
      return result;
    } catch (error) {
      await client.query('rollback').catch(() => undefined);
      throw error;
    }
  });
}

/** The row of a statement that always gives one. */
export function onlyRow<R extends QueryResultRow>({ rows }: QueryResult<R>): R {
  const row = rows[0];
  if (row === undefined) throw new Error('a statement that gives one row gave none');
  return row;
}
