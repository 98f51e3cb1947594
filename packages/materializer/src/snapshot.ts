import type { Pool, PoolClient } from 'pg';
import sql from 'sql-template-tag';

/** Does the work on a connection that sees one state of the FHIR database and cannot write to it. */
export async function withSnapshot<T>(source: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await source.connect();
  client.on('error', ignore);
  let whole = false;
  try {
    await client.query('begin isolation level repeatable read read only');
    // A role's time-outs are made for queries, not for reading everything; both end with the transaction.
    await client.query(
      sql`select set_config('statement_timeout', '0', true), set_config('idle_in_transaction_session_timeout', '0', true)`,
    );
    const result = await work(client);
    await client.query('commit');
    whole = true;
    return result;
  } finally {
    client.removeListener('error', ignore);
    // After a failure the connection may be gone, or in the middle of a COPY.
    client.release(!whole);
  }
}

/** The statement that runs reports a broken connection; without a listener the process would end. */
function ignore(): void {}
