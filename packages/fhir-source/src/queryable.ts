import type { QueryConfig, QueryResult, QueryResultRow } from 'pg';

/** What only asks: a pg client or a pool. */
export interface Queryable {
  query<R extends QueryResultRow>(query: QueryConfig): Promise<QueryResult<R>>;
}
