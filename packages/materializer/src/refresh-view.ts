import type { RefreshResult } from '@viewmill/contracts';
import { type Built, build } from './build.ts';
import { toBuildError, toRecord } from './failures.ts';
import { checkColumns, tablesOf } from './generation-table.ts';
import { dropLeftovers } from './leftovers.ts';
import type { RefreshOptions } from './options.ts';
import { publish } from './publish.ts';
import { replacementOf } from './published-view.ts';
import { type Session, withViewLock } from './session.ts';

/**
 * Builds a new generation of a view from every resource and shows it in place of the old one, which serves until then and
 * goes on serving if the build fails or is cancelled. Makes the view if it is not there yet. Refreshes of one view wait for each other.
 * @throws ViewmillError VM1201, VM1106, VM2008 (the definition or the data do not allow it), VM3002, VM3007 (try again), VM3006 (cancelled)
 */
export async function refreshView(options: RefreshOptions): Promise<RefreshResult> {
  const { name, plan, target, catalog, signal, onProgress } = options;
  const begun = performance.now();
  checkColumns(plan);
  const onWait = (): void => onProgress?.({ phase: 'waiting', resources: 0, rows: 0 });
  return withViewLock({ target, catalog, name, signal, onWait }, async (session) => {
    await dropLeftovers(session.client, catalog, name);
    const refreshId = await catalog.startRefresh(session.client, {
      view: name,
      resource: plan.resource,
      reason: options.reason,
      mode: 'full',
    });
    const built = await attempt(session, options, refreshId);
    const { generation, asOf: as_of, rows, resources, quarantined } = built;
    onProgress?.({ phase: 'done', resources, rows });
    // The new rows are shown: what is left to do must not make a success a failure. The next refresh would do it.
    await dropLeftovers(session.client, catalog, name).catch(() => undefined);
    const seconds = Math.round(performance.now() - begun) / 1000;
    return {
      view: name,
      mode: 'full',
      generation: generation.id,
      rows,
      resources,
      quarantined,
      seconds,
      as_of,
      joined: session.waited ? 'waited' : 'no',
    };
  });
}

async function attempt(session: Session, options: RefreshOptions, refreshId: number): Promise<Built> {
  const { name, plan, catalog, onProgress } = options;
  const { client } = session;
  try {
    const generation = await catalog.addGeneration(client, name);
    const { rows } = tablesOf(catalog.schema, generation);
    // Said before the work, not after it.
    const check = async (): Promise<void> => void (await replacementOf(client, catalog.schema, name, rows));
    const built = await build(session, options, generation, check);
    onProgress?.({ phase: 'publishing', resources: built.resources, rows: built.rows });
    await publish(client, options, built, refreshId);
    return built;
  } catch (error) {
    const failure = toBuildError(error, plan);
    await noteFailure(session, options, refreshId, failure);
    throw failure;
  }
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
