import { type RefreshedBy, ViewmillError, type ViewStatus } from '@viewmill/contracts';
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

/** What the rows of a generation were made from. */
export interface Basis {
  readonly planHash: string;
  /** `sourceKey` of fhir-source. */
  readonly sourceKey: string;
  /** Live capture at the snapshot; null if it was off. */
  readonly live: { readonly epoch: string; readonly xmin: string } | null;
}

/** What serves a view and what it was made from; null where nothing is known. */
export interface Served {
  readonly generation: Generation;
  readonly basis: Basis | null;
  readonly revision: number;
  /** ISO instant. */
  readonly asOf: string;
  readonly rows: number;
  readonly resources: number;
  /** Every quarantined resource is listed: their number can be kept up. */
  readonly quarantineListed: boolean;
}

/** What a refresh has made. */
export interface Publication extends Basis {
  readonly view: string;
  readonly resource: string;
  readonly refreshId: number;
  /** The one that serves already, if its rows were changed in place. */
  readonly generation: Generation;
  readonly mode: RefreshedBy;
  /** Why that mode. */
  readonly why: string;
  /** Resources whose rows were made or taken away. */
  readonly changed: number;
  /** ISO instant of the source's clock. */
  readonly asOf: string;
  readonly rows: number;
  readonly resources: number;
  readonly quarantined: number;
  readonly sizeBytes: number;
  /** Null: as they were. */
  readonly indexes: ViewStatus['indexes'] | null;
}

/** Every method takes the connection that holds the view's lock. */
export interface Generations {
  /** A number and a name for a new table, noted before it is made. */
  addGeneration(client: Queryable, view: string): Promise<Generation>;
  /** Noted tables that do not serve: of builds that failed or were killed, or retired. Not one under sharded construction. */
  leftovers(client: Queryable, view: string): Promise<readonly Generation[]>;
  /** After its table was dropped. */
  forgetGeneration(client: Queryable, generation: Generation): Promise<void>;
  /** What serves the view, as the connection's transaction sees it; null if nothing does. */
  served(client: Queryable, view: string): Promise<Served | null>;
  /** Writes the metadata and ends the refresh: part of the transaction that replaces the view. @throws ViewmillError VM2008 */
  publish(client: Queryable, publication: Publication): Promise<void>;
  /**
   * The lowest watermark of the views of a resource type that follow live capture of this epoch: entries below it are not needed.
   * `none`: no view follows it; null: a first build is running, whose watermark is not known.
   */
  liveFloor(client: Queryable, resource: string, epoch: string): Promise<string | 'none' | null>;
  /** Lets the reader role read the published view; nothing if there is no such role or it is ''. */
  grantView(client: Queryable, view: string, readerRole: string): Promise<void>;
  /** Takes the view off the catalog; its generations become leftovers, its history stays. @throws ViewmillError VM2006 */
  removeView(client: Queryable, view: string): Promise<void>;
}

interface ServedRow {
  readonly id: number;
  readonly relation: string;
  readonly plan_hash: string;
  readonly source_key: string | null;
  readonly live_epoch: string | null;
  readonly live_xmin: string | null;
  readonly revision: number;
  readonly as_of: Date;
  readonly rows: number;
  readonly resources: number;
  readonly quarantineListed: boolean;
}

function toServed(row: ServedRow): Served {
  const { id, relation, revision, rows, resources, quarantineListed, live_epoch: epoch, live_xmin: xmin } = row;
  const live = epoch === null || xmin === null ? null : { epoch, xmin };
  return {
    generation: { id, relation },
    basis: row.source_key === null ? null : { planHash: row.plan_hash, sourceKey: row.source_key, live },
    revision,
    asOf: row.as_of.toISOString(),
    rows,
    resources,
    quarantineListed,
  };
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
        where g.view = ${view} and not exists (select from ${viewTable} v where v.generation = g.id)
          and not exists (select from ${table(schema, '_sharded')} s where s.generation = g.id) order by g.id`);
      return rows;
    },

    async forgetGeneration(client, { id }) {
      await client.query(sql`delete from ${generationTable} where id = ${id}`);
    },

    async served(client, view) {
      const { rows } = await client.query<ServedRow>(sql`
        select generation::float8 as id, relation, plan_hash, source_key, live_epoch, live_xmin, revision::float8 as revision, as_of,
          row_count::float8 as rows, resource_count::float8 as resources,
          quarantined = (select count(*) from ${table(schema, '_quarantine')} q where q.view = v.name) as "quarantineListed"
        from ${viewTable} v where name = ${view} and generation is not null`);
      const row = rows[0];
      return row === undefined ? null : toServed(row);
    },

    async publish(client, { view, resource, refreshId, generation, ...done }) {
      const ended = await client.query(sql`
        update ${table(schema, '_refresh')} set outcome = 'succeeded', ended_at = clock_timestamp(), rows = ${done.rows}, resources = ${done.resources},
          quarantined = ${done.quarantined}, mode = ${done.mode}, why = ${done.why}, changed = ${done.changed}
        where id = ${refreshId} and outcome = 'running'`);
      const { rowCount } = await client.query(sql`
        update ${viewTable} set resource = ${resource}, generation = ${generation.id}, relation = ${generation.relation}, plan_hash = ${done.planHash},
          revision = revision + 1, source_key = ${done.sourceKey}, live_epoch = ${done.live?.epoch ?? null}, live_xmin = ${done.live?.xmin ?? null},
          as_of = ${done.asOf}::timestamptz, built_from = (select started_at from ${table(schema, '_refresh')} where id = ${refreshId}),
          last_refreshed_at = clock_timestamp(), row_count = ${done.rows}, resource_count = ${done.resources}, size_bytes = ${done.sizeBytes},
          quarantined = ${done.quarantined}, indexes = coalesce(${done.indexes === null ? null : JSON.stringify(done.indexes)}::jsonb, indexes), last_error = null
        where name = ${view}`);
      if (rowCount === 0 || ended.rowCount === 0) {
        throw new ViewmillError('VM2008', `${view} was dropped or rebuilt while this build was running`, { at: view });
      }
      // With the swap: a generation that serves must not be taken for one under construction.
      await client.query(sql`delete from ${table(schema, '_sharded')} where generation = ${generation.id}`);
      await announce(client, schema, view);
    },

    async liveFloor(client, resource, epoch) {
      const { rows } = await client.query<{ building: boolean; floor: string | null }>(sql`
        select exists (select from ${viewTable} v join ${table(schema, '_refresh')} r on r.view = v.name and r.outcome = 'running'
            where v.resource = ${resource} and v.live_epoch is distinct from ${epoch}) as building,
          (select v.live_xmin from ${viewTable} v where v.resource = ${resource} and v.live_epoch = ${epoch}
            order by v.live_xmin::xid8 limit 1) as floor`);
      const { building, floor } = rows[0] ?? { building: true, floor: null };
      return building ? null : (floor ?? 'none');
    },

    grantView: (client, view, readerRole) => grantToReader(client, schema, view, readerRole),

    async removeView(client, view) {
      const { rowCount } = await client.query(sql`delete from ${viewTable} where name = ${view}`);
      if (rowCount === 0) throw notMaterialized(view);
      await client.query(sql`delete from ${table(schema, '_quarantine')} where view = ${view}`);
      await client.query(sql`delete from ${table(schema, '_sharded')} where view = ${view}`);
      await announce(client, schema, view);
    },
  };
}
