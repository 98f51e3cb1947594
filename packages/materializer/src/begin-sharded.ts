import type { Generation } from '@viewmill/catalog';
import { currentKeys, keysHaveTags, sourceKey } from '@viewmill/fhir-source';
import type { PoolClient } from 'pg';
import sql from 'sql-template-tag';
import { deltaObstacle } from './delta-obstacle.ts';
import { checkColumns, createTables, tablesOf } from './generation-table.ts';
import { dropLeftovers } from './leftovers.ts';
import type { RefreshOptions } from './options.ts';
import { replacementOf } from './published-view.ts';
import { withViewLock } from './session.ts';
import { withSnapshot } from './snapshot.ts';

const MOST_SHARDS = 64;

export interface ShardedBuild {
  readonly generation: Generation;
  /** Numbers of the shards that are to be built. */
  readonly missing: readonly number[];
  /** It was under way already. */
  readonly joined: boolean;
}

/** Whether a sharded build is under way, or a full build is to be expected: asked without the view's lock, so that other refreshes pay little. */
export async function concernsShards(options: RefreshOptions): Promise<'under way' | 'full build' | null> {
  const { name, target, catalog } = options;
  if ((await catalog.sharded(target, name)) !== null) return 'under way';
  return (await deltaObstacle(target, options, await catalog.served(target, name))) === null ? null : 'full build';
}

/**
 * Begins a full build by ranges of resources, or joins the one of the same plan that is under way. The view's lock is held for this
 * step alone: `buildShard` takes none. Follow with `buildShard` for what is missing, then `finishSharded`.
 * @param perShard resources of one shard; 0: never.
 * @returns null where the view needs no full build, or has no more resources than one shard: `refreshView` is the way then.
 */
export async function beginSharded(options: RefreshOptions, perShard: number): Promise<ShardedBuild | null> {
  const { name, plan, layout, target, catalog, signal } = options;
  if (perShard === 0) return null;
  checkColumns(plan);
  return withViewLock({ target, catalog, name, signal }, async ({ client, interruptible }) => {
    const found = await catalog.sharded(client, name);
    if (found !== null && found.planHash === plan.hash) {
      const shards = await catalog.shards(client, found.generation);
      const missing = shards.filter(({ done }) => done === null).map(({ shard }) => shard);
      return { generation: found.generation, missing, joined: true };
    }
    const why = await deltaObstacle(client, options, await catalog.served(client, name));
    if (why === null) return null;
    const { bounds, key } = await interruptible(() => rangesOf(options, perShard));
    if (bounds.length === 0) return null;
    await catalog.endSharded(client, name);
    await dropLeftovers(client, catalog, name);
    await client.query('begin');
    const start = { view: name, resource: plan.resource, reason: options.reason, mode: 'full' } as const;
    const refreshId = await catalog.startRefresh(client, start);
    const generation = await catalog.addGeneration(client, name);
    const tables = tablesOf(catalog.schema, generation);
    await createTables(client, tables, plan, keysHaveTags(layout, plan.needs));
    // Said before the work, not after it.
    await replacementOf(client, catalog.schema, name, tables.rows);
    await catalog.addSharded(client, { view: name, generation, refreshId, planHash: plan.hash, sourceKey: key, why, bounds });
    await client.query('commit');
    return { generation, missing: [...bounds.keys(), bounds.length], joined: false };
  });
}

/** Ranges with equally many resources: the upper ends of all but the last. */
function rangesOf(
  { source, layout, plan }: RefreshOptions,
  perShard: number,
): Promise<{ readonly bounds: readonly string[]; readonly key: string }> {
  return withSnapshot(source, async (reader: PoolClient) => {
    const key = await sourceKey(reader, layout);
    const keys = currentKeys(layout, plan.resource, plan.needs);
    const counted = await reader.query<{ n: number }>(sql`select count(*)::float8 as n from (${keys}) k`);
    const shards = Math.min(MOST_SHARDS, Math.ceil((counted.rows[0]?.n ?? 0) / perShard));
    if (shards < 2) return { bounds: [], key };
    const { rows } = await reader.query<{ high: string }>(sql`
      select max(res_id)::text as high from (select res_id, ntile(${shards}::int) over (order by res_id) as part from (${keys}) k) t
      where part < ${shards}::int group by part order by part`);
    return { bounds: rows.map(({ high }) => high), key };
  });
}
