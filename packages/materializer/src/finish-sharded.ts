import type { Served, Sharded, ShardResult } from '@viewmill/catalog';
import { type RefreshResult, ViewmillError } from '@viewmill/contracts';
import { type Built, refreshedInFull } from './build.ts';
import { applyDelta, planDelta } from './delta.ts';
import { toBuildError, toRecord } from './failures.ts';
import { finishTables, sizeOf, tablesOf } from './generation-table.ts';
import { dropLeftovers } from './leftovers.ts';
import type { RefreshOptions } from './options.ts';
import { publish } from './publish.ts';
import { type Session, withViewLock } from './session.ts';
import { withSnapshot } from './snapshot.ts';

/**
 * Indexes what the shards wrote, brings it to one snapshot of the source by comparing all keys, and shows it. Each step is committed
 * with a record of it: after a death the next call goes on from there.
 * @throws ViewmillError VM3050 if the build is over, VM3051 if shards are missing, VM3052 if the source was replaced, and those of refreshView
 */
export async function finishSharded(options: RefreshOptions): Promise<RefreshResult> {
  const { name, plan, target, catalog, signal } = options;
  const begun = performance.now();
  return withViewLock({ target, catalog, name, signal }, async (session) => {
    const { client } = session;
    const sharded = await catalog.sharded(client, name);
    if (sharded === null || sharded.planHash !== plan.hash)
      throw new ViewmillError('VM3050', `the sharded build of ${name} is over`, { at: name });
    try {
      const sum = sumOf(await catalog.shards(client, sharded.generation));
      const indexes = sharded.indexes ?? (await index(session, options, sharded));
      const built = await catchUp(session, options, sharded, sharded.total ?? sum, indexes);
      await publish(client, options, built, sharded.refreshId, sharded.why);
      await dropLeftovers(client, catalog, name).catch(() => undefined);
      const seconds = Math.round(performance.now() - begun) / 1000;
      const joined = session.waited ? 'waited' : 'no';
      return { view: name, ...refreshedInFull(built, sharded.why), seconds, joined };
    } catch (error) {
      await client.query('rollback').catch(() => undefined);
      const failure = toBuildError(error, plan);
      if (failure instanceof ViewmillError && failure.code === 'VM3052') await giveUp(session, options, sharded, failure);
      throw failure;
    }
  });
}

/** What the shards read is of no use any more: the next refresh begins anew. */
async function giveUp(
  { client }: Session,
  { name, catalog }: RefreshOptions,
  { refreshId }: Sharded,
  failure: ViewmillError,
): Promise<void> {
  await catalog.endSharded(client, name);
  await catalog.finishRefresh(client, refreshId, name, { outcome: 'failed', error: toRecord(failure) });
  await dropLeftovers(client, catalog, name);
}

/** @throws ViewmillError VM3051 */
function sumOf(shards: readonly { readonly shard: number; readonly done: ShardResult | null }[]): ShardResult {
  const done = shards.map((shard) => {
    if (shard.done === null) throw new ViewmillError('VM3051', `shard ${shard.shard} is not built`);
    return shard.done;
  });
  const add = (of: (result: ShardResult) => number): number => done.reduce((sum, result) => sum + of(result), 0);
  return {
    rows: add(({ rows }) => rows),
    resources: add(({ resources }) => resources),
    quarantined: add(({ quarantined }) => quarantined),
    quarantine: done.flatMap(({ quarantine }) => quarantine),
  };
}

/** A transaction of its own: its locks would keep the reader, another connection, from the keys. */
async function index({ client, interruptible }: Session, options: RefreshOptions, { generation }: Sharded) {
  const { catalog, plan } = options;
  options.onProgress?.({ phase: 'indexing', resources: 0, rows: 0 });
  await client.query('begin');
  const indexes = await interruptible(() => finishTables(client, catalog.schema, generation, plan));
  await catalog.shardedIndexed(client, generation, indexes);
  await client.query('commit');
  return indexes;
}

function catchUp(
  { client, interruptible }: Session,
  given: RefreshOptions,
  { generation, planHash, sourceKey }: Sharded,
  before: ShardResult,
  indexes: Built['indexes'],
): Promise<Built> {
  // All keys are compared: live capture tells what changed since one snapshot, and the shards had one each.
  const options: RefreshOptions = { ...given, mode: 'delta' };
  const { catalog } = options;
  const served: Served = {
    generation,
    basis: { planHash, sourceKey, live: null },
    revision: 0,
    asOf: '',
    rows: before.rows,
    // However much changed meanwhile, bringing it up to date beats building all of it again.
    resources: Number.MAX_SAFE_INTEGER,
    quarantineListed: true,
  };
  return interruptible(() =>
    withSnapshot(options.source, async (reader) => {
      await client.query('begin');
      const delta = await planDelta(reader, client, options, served);
      if (delta.mode === 'full') throw new ViewmillError('VM3052', delta.why, { at: options.name });
      const applied = await applyDelta(reader, client, options, served, delta);
      const read = new Set(delta.keys.map(({ resId }) => resId));
      const kept = before.quarantine.filter(({ resId }) => !read.has(String(resId)));
      const gone = before.quarantine.length - kept.length;
      const total = {
        rows: before.rows - applied.rowsBefore + applied.rows,
        resources: before.resources - applied.resourcesBefore + applied.resourcesAfter,
        quarantined: before.quarantined - gone + applied.quarantine.count,
        quarantine: [...kept, ...applied.quarantine.entries],
      };
      await catalog.shardedTotal(client, generation, total);
      const sizeBytes = await sizeOf(client, tablesOf(catalog.schema, generation));
      await client.query('commit');
      const basis = { planHash, sourceKey, live: delta.live };
      return { generation, basis, asOf: delta.asOf, ...total, indexes, sizeBytes };
    }),
  );
}
