import type { ViewStatus } from '@viewmill/contracts';
import sql from 'sql-template-tag';
import type { Generation } from './generations.ts';
import type { QuarantineEntry } from './quarantine.ts';
import type { CatalogPlace, Queryable } from './queryable.ts';
import { table } from './tables.ts';

/** A generation that is built by ranges. */
export interface Sharded {
  readonly generation: Generation;
  readonly refreshId: number;
  readonly planHash: string;
  /** `sourceKey` of fhir-source when it began. */
  readonly sourceKey: string;
  readonly why: string;
  /** Null: not made yet. */
  readonly indexes: ViewStatus['indexes'] | null;
  /** What it holds since it was last brought up to date; null: the sum of its shards. */
  readonly total: ShardedTotal | null;
}

export interface ShardResult {
  readonly rows: number;
  readonly resources: number;
  readonly quarantined: number;
  readonly quarantine: readonly QuarantineEntry[];
}
export type ShardedTotal = ShardResult;

export interface Shard {
  readonly shard: number;
  /** `low < res_id <= high`, exact decimal text; null: unbounded. */
  readonly low: string | null;
  readonly high: string | null;
  /** Null: not built yet. */
  readonly done: ShardResult | null;
}

export interface NewSharded extends Pick<Sharded, 'generation' | 'refreshId' | 'planHash' | 'sourceKey' | 'why'> {
  readonly view: string;
  /** Upper ends of all ranges but the last, ascending. */
  readonly bounds: readonly string[];
}

export interface Shards {
  /** Notes a sharded build and its ranges. Part of the transaction that makes its tables. */
  addSharded(client: Queryable, sharded: NewSharded): Promise<void>;
  /** The sharded build of the view; null if there is none. */
  sharded(client: Queryable, view: string): Promise<Sharded | null>;
  /** In order. */
  shards(client: Queryable, generation: Generation): Promise<readonly Shard[]>;
  /** Takes one, until the transaction ends: whoever else wants it waits. Null: its build is over. */
  lockShard(client: Queryable, generation: Generation, shard: number): Promise<Shard | null>;
  /** Part of the transaction that writes its rows. */
  shardDone(client: Queryable, generation: Generation, shard: number, result: ShardResult): Promise<void>;
  /** Part of the transaction that makes the indexes. */
  shardedIndexed(client: Queryable, generation: Generation, indexes: ViewStatus['indexes']): Promise<void>;
  /** Part of the transaction that brings all shards to one snapshot. */
  shardedTotal(client: Queryable, generation: Generation, total: ShardedTotal): Promise<void>;
  /** Ends the view's sharded build, if any: its generation is a leftover from here on, unless it serves. */
  endSharded(client: Queryable, view: string): Promise<void>;
}

interface ShardRow extends ShardResult {
  readonly shard: number;
  readonly low: string | null;
  readonly high: string | null;
  readonly done: boolean;
}

function toShard({ shard, low, high, done, ...result }: ShardRow): Shard {
  return { shard, low, high, done: done ? result : null };
}

export function shards({ schema }: CatalogPlace): Shards {
  const shardedTable = table(schema, '_sharded');
  const shardTable = table(schema, '_shard');
  const columns = sql`shard, low::text, high::text, rows::float8 as rows, resources::float8 as resources,
    quarantined::float8 as quarantined, quarantine, done_at is not null as done`;
  return {
    async addSharded(client, { view, generation, refreshId, planHash, sourceKey, why, bounds }) {
      await client.query(sql`insert into ${shardedTable} (generation, view, refresh, plan_hash, source_key, why)
        values (${generation.id}, ${view}, ${refreshId}, ${planHash}, ${sourceKey}, ${why})`);
      await client.query(sql`insert into ${shardTable} (generation, shard, low, high)
        select ${generation.id}::bigint, n - 1, lag(high) over (order by n), high
        from unnest(${[...bounds, null]}::bigint[]) with ordinality as b (high, n)`);
    },

    async sharded(client, view) {
      const { rows } = await client.query<Omit<Sharded, 'generation'> & Generation>(sql`
        select g.id::float8 as id, g.relation, s.refresh::float8 as "refreshId", s.plan_hash as "planHash", s.source_key as "sourceKey",
          s.why, s.indexes, s.total
        from ${shardedTable} s join ${table(schema, '_generation')} g on g.id = s.generation where s.view = ${view}`);
      const row = rows[0];
      if (row === undefined) return null;
      const { id, relation, ...rest } = row;
      return { generation: { id, relation }, ...rest };
    },

    async shards(client, { id }) {
      const { rows } = await client.query<ShardRow>(
        sql`select ${columns} from ${shardTable} where generation = ${id} order by shard`,
      );
      return rows.map(toShard);
    },

    async lockShard(client, { id }, shard) {
      const { rows } = await client.query<ShardRow>(
        sql`select ${columns} from ${shardTable} where generation = ${id} and shard = ${shard} for update`,
      );
      return rows[0] === undefined ? null : toShard(rows[0]);
    },

    async shardDone(client, { id }, shard, { rows, resources, quarantined, quarantine }) {
      await client.query(sql`update ${shardTable} set rows = ${rows}, resources = ${resources}, quarantined = ${quarantined},
        quarantine = ${JSON.stringify(quarantine)}::jsonb, done_at = clock_timestamp() where generation = ${id} and shard = ${shard}`);
    },

    async shardedIndexed(client, { id }, indexes) {
      await client.query(sql`update ${shardedTable} set indexes = ${JSON.stringify(indexes)}::jsonb where generation = ${id}`);
    },

    async shardedTotal(client, { id }, total) {
      await client.query(sql`update ${shardedTable} set total = ${JSON.stringify(total)}::jsonb where generation = ${id}`);
    },

    async endSharded(client, view) {
      await client.query(sql`delete from ${shardedTable} where view = ${view}`);
    },
  };
}
