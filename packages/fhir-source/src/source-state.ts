import sql from 'sql-template-tag';
import type { Queryable } from './queryable.ts';

export interface SourceState {
  /** ISO instant. Every change committed before it is in the snapshot. */
  readonly asOf: string;
}

/**
 * The state that the current transaction sees. Meaningful in a repeatable read transaction: its snapshot is taken at its first
 * statement, thus after the transaction's start, which is the instant given here.
 */
export async function sourceState(client: Queryable): Promise<SourceState> {
  const answer = await client.query<{ as_of: string }>(
    sql`select to_char(transaction_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as as_of`,
  );
  const row = answer.rows[0];
  if (row === undefined) throw new Error('no row from a select without from');
  return { asOf: row.as_of };
}
