import type { RefreshResult } from '@viewmill/contracts';
import { type Begun, beginRefresh } from './begin-refresh.ts';
import { build, refreshedInFull } from './build.ts';
import { toBuildError, toRecord } from './failures.ts';
import { checkColumns } from './generation-table.ts';
import { dropLeftovers } from './leftovers.ts';
import type { Refreshed, RefreshOptions } from './options.ts';
import { publish } from './publish.ts';
import { refreshInPlace } from './refresh-in-place.ts';
import { type Session, withViewLock } from './session.ts';
import { trimLiveOutbox } from './trim-live-outbox.ts';

/**
 * Makes the view show the source as it is now: by replacing the rows of what changed, or by building a new generation from every
 * resource and showing it in place of the old one, which serves until then and goes on serving if the refresh fails or is cancelled.
 * Makes the view if it is not there yet. Refreshes of one view wait for each other.
 * @throws ViewmillError VM1201, VM1106, VM2008 (the definition or the data do not allow it), VM3002, VM3007 (try again), VM3006 (cancelled)
 */
export async function refreshView(options: RefreshOptions): Promise<RefreshResult> {
  const { name, plan, target, catalog, signal, onProgress } = options;
  const begun = performance.now();
  checkColumns(plan);
  const onWait = (): void => onProgress?.({ phase: 'waiting', resources: 0, rows: 0 });
  return withViewLock({ target, catalog, name, signal, onWait }, async (session) => {
    const { client } = session;
    const refreshed = await attempt(session, options, await beginRefresh(session, options));
    onProgress?.({ phase: 'done', resources: refreshed.resources, rows: refreshed.rows });
    // The new rows are shown: what is left to do must not make a success a failure. The next refresh would do it.
    await dropLeftovers(client, catalog, name).catch(() => undefined);
    await trimLiveOutbox(options).catch(() => undefined);
    const seconds = Math.round(performance.now() - begun) / 1000;
    return { view: name, ...refreshed, seconds, joined: session.waited ? 'waited' : 'no' };
  });
}

async function attempt(session: Session, options: RefreshOptions, { refreshId, served, obstacle }: Begun): Promise<Refreshed> {
  try {
    const delta = served === null || obstacle !== null ? obstacle : await refreshInPlace(session, options, refreshId, served);
    return typeof delta === 'object' && delta !== null ? delta : await refreshInFull(session, options, refreshId, delta ?? '');
  } catch (error) {
    const failure = toBuildError(error, options.plan);
    await noteFailure(session, options, refreshId, failure);
    throw failure;
  }
}

async function refreshInFull(session: Session, options: RefreshOptions, refreshId: number, why: string): Promise<Refreshed> {
  const built = await build(session, options);
  const { rows, resources } = built;
  options.onProgress?.({ phase: 'publishing', resources, rows });
  await publish(session.client, options, built, refreshId, why);
  return refreshedInFull(built, why);
}

/** Drops what was built and tells the catalog. If the connection is gone, the server has rolled back, and the pool has another one. */
async function noteFailure(
  { client }: Session,
  { name, catalog, target, signal }: RefreshOptions,
  refreshId: number,
  failure: unknown,
): Promise<void> {
  const record = toRecord(failure);
  const end =
    signal?.aborted && record.code === 'VM3006'
      ? ({ outcome: 'cancelled' } as const)
      : ({ outcome: 'failed', error: record } as const);
  try {
    await client.query('rollback');
    await catalog.finishRefresh(client, refreshId, name, end);
    await dropLeftovers(client, catalog, name);
  } catch {
    await catalog.finishRefresh(target, refreshId, name, end).catch(() => undefined);
  }
}
