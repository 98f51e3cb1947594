import { setTimeout as delay } from 'node:timers/promises';
import { ident, ViewmillError } from '@viewmill/contracts';
import type { PoolClient } from 'pg';
import sql from 'sql-template-tag';
import type { Built } from './build.ts';
import { commentsOn } from './comments.ts';
import { cancelled, sqlState } from './failures.ts';
import { tablesOf } from './generation-table.ts';
import type { RefreshOptions } from './options.ts';
import { replacementOf, replaceView } from './published-view.ts';

/** A reader holds the view, or two sessions hold what the other wants. */
const BUSY = new Set(['55P03', '40P01']);
/** While this waits for readers that hold the view, new ones queue behind it. */
const LOCK_TIMEOUT_MS = 500;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2000;
const GIVE_UP_MS = 120_000;

/**
 * Makes the new generation the one that is shown, in one short transaction: whoever reads sees the old rows or the new ones.
 * @throws ViewmillError VM3007 if readers held the view for two minutes, VM2008 if other views stand in the way, VM3006 when aborted
 */
export function publish(
  client: PoolClient,
  options: RefreshOptions,
  built: Built,
  refreshId: number,
  why: string,
): Promise<void> {
  return whenFree(client, options.name, options.signal, () => swapIn(client, options, built, refreshId, why));
}

/** Does work in a transaction that never waits long for a lock, again and again until it gets through. */
export async function whenFree(
  client: PoolClient,
  name: string,
  signal: AbortSignal | undefined,
  work: () => Promise<void>,
): Promise<void> {
  const giveUpAt = Date.now() + GIVE_UP_MS;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    if (signal?.aborted) throw cancelled();
    try {
      await client.query('begin');
      await client.query(sql`select set_config('lock_timeout', ${String(LOCK_TIMEOUT_MS)}, true)`);
      await work();
      await client.query('commit');
      return;
    } catch (error) {
      await client.query('rollback');
      if (!BUSY.has(sqlState(error))) throw refused(error, name);
      if (Date.now() > giveUpAt) {
        throw new ViewmillError('VM3007', `readers of ${name} held it all the time; the new rows could not be shown`, {
          at: name,
        });
      }
      await delay(pause, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
    }
  }
}

/** Part of a transaction. The view comes last: only then is it locked. */
export async function swapIn(
  client: PoolClient,
  { name, plan, catalog, readerRole = '' }: RefreshOptions,
  built: Built,
  refreshId: number,
  why: string,
): Promise<void> {
  const { generation, quarantine, basis, ...counts } = built;
  const { rows } = tablesOf(catalog.schema, generation);
  await catalog.publish(client, {
    view: name,
    resource: plan.resource,
    refreshId,
    generation,
    mode: 'full',
    why,
    changed: built.resources,
    ...basis,
    ...counts,
  });
  await catalog.replaceQuarantine(client, name, quarantine);
  const how = await replacementOf(client, catalog.schema, name, rows);
  await replaceView(
    client,
    catalog.schema,
    name,
    rows,
    plan.columns.map((column) => column.name),
    how,
  );
  await client.query(commentsOn('view', ident(catalog.schema, name), plan));
  await catalog.grantView(client, name, readerRole);
}

/** Something that came to depend on the view since it was looked up. */
function refused(error: unknown, name: string): unknown {
  return sqlState(error) === '2BP01'
    ? new ViewmillError('VM2008', `other objects depend on the columns of ${name}`, { at: name, cause: error })
    : error;
}
