import { ViewmillError, type ViewStatus } from '@viewmill/contracts';
import sql from 'sql-template-tag';
import { announce } from './changes.ts';
import { type CatalogPlace, onlyRow, type Queryable } from './queryable.ts';
import { grantToReader } from './reader-role.ts';
import { table } from './tables.ts';
import { notMaterialized } from './views.ts';

/** A table of rows that a build makes, made or left behind. */
export interface Generation {
  readonly id: number;
  /** Name of its table in the schema. */
  readonly relation: string;
}

/** What a build has made. */
export interface Publication {
  readonly view: string;
  readonly resource: string;
  readonly refreshId: number;
  readonly generation: Generation;
  readonly planHash: string;
  /** ISO instant of the source's clock. */
  readonly asOf: string;
  readonly rows: number;
  readonly resources: number;
  readonly quarantined: number;
  readonly sizeBytes: number;
  readonly indexes: ViewStatus['indexes'];
}

/** Every method takes the connection that holds the view's lock. */
export interface Generations {
  /** A number and a name for a new table, noted before it is made. */
  addGeneration(client: Queryable, view: string): Promise<Generation>;
  /** Noted tables that do not serve: of builds that failed or were killed, or retired. */
  leftovers(client: Queryable, view: string): Promise<readonly Generation[]>;
  /** After its table was dropped. */
  forgetGeneration(client: Queryable, generation: Generation): Promise<void>;
  /** Writes the metadata and ends the refresh: part of the transaction that replaces the view. @throws ViewmillError VM2008 */
  publish(client: Queryable, publication: Publication): Promise<void>;
  /** Lets the reader role read the published view; nothing if there is no such role or it is ''. */
  grantView(client: Queryable, view: string, readerRole: string): Promise<void>;
  /** Takes the view off the catalog; its generations become leftovers, its history stays. @throws ViewmillError VM2006 */
  removeView(client: Queryable, view: string): Promise<void>;
}

/** PostgreSQL cuts longer identifiers. */
const LONGEST_NAME = 63;

export function generations({ schema }: CatalogPlace): Generations {
  const generationTable = table(schema, '_generation');
  const viewTable = table(schema, '_view');
  return {
    async addGeneration(client, view) {
      // The number makes the name unique even where the view's name is cut; some bytes are left for what is derived from it.
      return onlyRow(
        await client.query<Generation>(sql`
          with n as (select nextval(pg_get_serial_sequence(${generationTable.text}, 'id')) as id)
          insert into ${generationTable} (id, view, relation) overriding system value
          select id, ${view}, left('_g' || id || '_' || ${view}, ${LONGEST_NAME - 6}::int) from n returning id::float8 as id, relation`),
      );
    },

    async leftovers(client, view) {
      const { rows } = await client.query<Generation>(sql`
        select g.id::float8 as id, g.relation from ${generationTable} g
        where g.view = ${view} and not exists (select from ${viewTable} v where v.generation = g.id) order by g.id`);
      return rows;
    },

    async forgetGeneration(client, { id }) {
      await client.query(sql`delete from ${generationTable} where id = ${id}`);
    },

    async publish(client, { view, resource, refreshId, generation, ...done }) {
      const ended = await client.query(sql`
        update ${table(schema, '_refresh')} set outcome = 'succeeded', ended_at = clock_timestamp(), rows = ${done.rows}, resources = ${done.resources},
          quarantined = ${done.quarantined} where id = ${refreshId} and outcome = 'running'`);
      const { rowCount } = await client.query(sql`
        update ${viewTable} set resource = ${resource}, generation = ${generation.id}, relation = ${generation.relation}, plan_hash = ${done.planHash},
          as_of = ${done.asOf}::timestamptz, built_from = (select started_at from ${table(schema, '_refresh')} where id = ${refreshId}),
          last_refreshed_at = clock_timestamp(), row_count = ${done.rows}, resource_count = ${done.resources}, size_bytes = ${done.sizeBytes},
          quarantined = ${done.quarantined}, indexes = ${JSON.stringify(done.indexes)}::jsonb, last_error = null
        where name = ${view}`);
      if (rowCount === 0 || ended.rowCount === 0) {
        throw new ViewmillError('VM2008', `${view} was dropped or rebuilt while this build was running`, { at: view });
      }
      await announce(client, schema, view);
    },

    grantView: (client, view, readerRole) => grantToReader(client, schema, view, readerRole),

    async removeView(client, view) {
      const { rowCount } = await client.query(sql`delete from ${viewTable} where name = ${view}`);
      if (rowCount === 0) throw notMaterialized(view);
      await client.query(sql`delete from ${table(schema, '_quarantine')} where view = ${view}`);
      await announce(client, schema, view);
    },
  };
}
