import type { Generation, Shard } from '@viewmill/catalog';
import { ViewmillError } from '@viewmill/contracts';
import sql, { type Sql } from 'sql-template-tag';
import { copyRows, nothingCopied } from './copy-rows.ts';
import { cancelled, toBuildError } from './failures.ts';
import { tablesOf } from './generation-table.ts';
import { copyKeys } from './keys.ts';
import type { RefreshOptions } from './options.ts';
import { rowsSink } from './rows-sink.ts';
import { type Session, withSession } from './session.ts';
import { withSnapshot } from './snapshot.ts';

/**
 * Builds one range: its rows, its keys and the record that it is done are committed together, so a killed worker leaves nothing and
 * a range that is done is not built again. Shards of one build run side by side, in whatever processes.
 * @returns whether it was built now; false: it was done before.
 * @throws ViewmillError VM3050 if its build is over, VM3002 (try again), VM3006 (cancelled)
 */
export async function buildShard(options: RefreshOptions, generation: Generation, shard: number): Promise<boolean> {
  const { name, target, catalog, signal } = options;
  try {
    return await withSession({ target, signal }, async (session) => {
      const { client, interruptible } = session;
      await client.query('begin');
      const found = await interruptible(() => catalog.lockShard(client, generation, shard));
      const current = await catalog.sharded(client, name);
      if (found === null || current?.generation.id !== generation.id || current.planHash !== options.plan.hash)
        throw new ViewmillError('VM3050', `the sharded build of ${name} is over`, { at: name });
      if (found.done !== null) return false;
      await interruptible(() => copyRange(session, options, generation, found));
      if (signal?.aborted) throw cancelled();
      await client.query('commit');
      return true;
    });
  } catch (error) {
    throw toBuildError(error, options.plan);
  }
}

function copyRange({ client }: Session, options: RefreshOptions, generation: Generation, shard: Shard): Promise<void> {
  const { source, plan, layout, catalog } = options;
  const tables = tablesOf(catalog.schema, generation);
  const range = rangeOf(shard);
  return withSnapshot(source, async (reader) => {
    const copied = nothingCopied();
    const sink = rowsSink(client, tables, plan, false);
    try {
      await copyRows(reader, sink, options, copied, range);
      await sink.end();
    } catch (error) {
      await sink.fail();
      throw error;
    }
    await copyKeys({ reader, client, layout, plan, versions: tables.versions }, tables.versions, false, range);
    const { rows, resources, quarantine } = copied;
    const result = { rows, resources, quarantined: quarantine.count, quarantine: quarantine.entries };
    await catalog.shardDone(client, generation, shard.shard, result);
  });
}

function rangeOf({ low, high }: Shard): Sql {
  const above = low === null ? sql`true` : sql`r.res_id > ${low}::bigint`;
  return high === null ? above : sql`${above} and r.res_id <= ${high}::bigint`;
}
