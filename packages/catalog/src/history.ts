import { type ErrorPayload, type RefreshRecord, ViewmillError } from '@viewmill/contracts';
import sql from 'sql-template-tag';
import { announce } from './changes.ts';
import { type CatalogPlace, onlyRow, type Queryable } from './queryable.ts';
import { table } from './tables.ts';
import { viewLockKey } from './view-lock.ts';

export interface RefreshStart {
  readonly view: string;
  readonly resource: string;
  readonly reason: string;
  readonly mode: RefreshRecord['mode'];
}

/** How a refresh ended without a new generation. */
export type RefreshEnd =
  | { readonly outcome: 'cancelled' }
  | { readonly outcome: 'failed'; readonly error: Pick<ErrorPayload, 'code' | 'message'> };

/** The writing methods take the connection that holds the view's lock. */
export interface History {
  /** Latest first. @param limit default 50 */
  history(view: string, limit?: number): Promise<readonly RefreshRecord[]>;
  /**
   * Notes that a build begins; one that a killed worker left running is closed as `abandoned`.
   * The view is in the catalog from here on.
   */
  startRefresh(client: Queryable, start: RefreshStart): Promise<number>;
  /** Notes how a build ended; a successful one is noted by `publish`. A view that was never built is taken off again when cancelled. */
  finishRefresh(client: Queryable, id: number, view: string, end: RefreshEnd): Promise<void>;
}

/** Records kept per view. */
const KEPT = 1000;

interface RecordRow extends Omit<RefreshRecord, 'started_at' | 'ended_at'> {
  readonly started_at: Date;
  readonly ended_at: Date | null;
}

export function history({ pool, schema }: CatalogPlace): History {
  const refreshTable = table(schema, '_refresh');
  const viewTable = table(schema, '_view');
  return {
    async history(view, limit = 50) {
      const { rows } = await pool.query<RecordRow>(sql`
        select id::float8 as id, view, started_at, ended_at, mode, why, changed::float8 as changed, reason, outcome, rows::float8 as rows, resources::float8 as resources,
          quarantined::float8 as quarantined, error
        from ${refreshTable} where view = ${view} order by id desc limit ${limit}::int`);
      return rows.map((row) => ({
        ...row,
        started_at: row.started_at.toISOString(),
        ended_at: row.ended_at?.toISOString() ?? null,
      }));
    },

    async startRefresh(client, { view, resource, reason, mode }) {
      await client.query(sql`
        insert into ${viewTable} (name, resource, lock_key) values (${view}, ${resource}, ${viewLockKey(schema, view)}) on conflict (name) do nothing`);
      await client.query(sql`
        update ${refreshTable} set outcome = 'abandoned', ended_at = clock_timestamp() where view = ${view} and outcome = 'running'`);
      await client.query(sql`
        delete from ${refreshTable} where view = ${view}
          and id <= (select id from ${refreshTable} where view = ${view} order by id desc offset ${KEPT - 1}::int limit 1)`);
      const { id } = onlyRow(
        await client.query<{ id: number }>(sql`
          insert into ${refreshTable} (view, mode, reason) values (${view}, ${mode}, ${reason}) returning id::float8 as id`),
      );
      return id;
    },

    async finishRefresh(client, id, view, end) {
      const error = end.outcome === 'failed' ? `${end.error.code}: ${end.error.message}` : null;
      const { rowCount } = await client.query(sql`
        update ${refreshTable} set outcome = ${end.outcome}, ended_at = clock_timestamp(), error = ${error} where id = ${id} and outcome = 'running'`);
      if (rowCount === 0) throw new ViewmillError('VM2008', `refresh ${id} of ${view} is not running any more`, { at: view });
      if (end.outcome === 'failed') await client.query(sql`update ${viewTable} set last_error = ${error} where name = ${view}`);
      else await client.query(sql`delete from ${viewTable} where name = ${view} and generation is null`);
      await announce(client, schema, view);
    },
  };
}
