import type { Served } from '@viewmill/catalog';
import { applyDelta, type Delta, planDelta } from './delta.ts';
import { sizeOf, tablesOf } from './generation-table.ts';
import type { Refreshed, RefreshOptions } from './options.ts';
import type { Session } from './session.ts';
import { withSnapshot } from './snapshot.ts';

/**
 * Brings the rows of the generation that serves up to date, in one transaction: whoever reads sees the old rows or the new ones.
 * @returns why it cannot be done, if it cannot: then nothing was changed.
 */
export function refreshInPlace(
  { client, interruptible }: Session,
  options: RefreshOptions,
  refreshId: number,
  served: Served,
): Promise<Refreshed | string> {
  return interruptible(() =>
    withSnapshot(options.source, async (reader) => {
      await client.query('begin');
      const delta = await planDelta(reader, client, options, served);
      if (delta.mode === 'full') {
        await client.query('rollback');
        return delta.why;
      }
      const applied = await applyDelta(reader, client, options, served, delta);
      options.onProgress?.({ phase: 'publishing', resources: applied.resources, rows: applied.rows });
      const refreshed = await recordDelta(client, options, refreshId, served, delta, applied);
      await client.query('commit');
      return refreshed;
    }),
  );
}

/** Metadata and history, as part of the transaction that changed the rows. */
export async function recordDelta(
  client: Session['client'],
  { name, plan, catalog }: RefreshOptions,
  refreshId: number,
  served: Served,
  { mode, why, keys, asOf, live }: Delta,
  applied: Awaited<ReturnType<typeof applyDelta>>,
): Promise<Refreshed> {
  const { generation, basis } = served;
  if (keys.length > 0) {
    const read = keys.map(({ resId }) => resId);
    await catalog.replaceQuarantine(client, name, applied.quarantine.entries, read);
  }
  const quarantined = await catalog.countQuarantine(client, name);
  const rows = served.rows - applied.rowsBefore + applied.rows;
  const resources = served.resources - applied.resourcesBefore + applied.resourcesAfter;
  await catalog.publish(client, {
    view: name,
    resource: plan.resource,
    refreshId,
    generation,
    mode,
    why,
    changed: keys.length,
    planHash: plan.hash,
    sourceKey: basis?.sourceKey ?? '',
    live,
    asOf,
    rows,
    resources,
    quarantined,
    sizeBytes: await sizeOf(client, tablesOf(catalog.schema, generation)),
    indexes: null,
  });
  return { mode, why, generation: generation.id, changed: keys.length, rows, resources, quarantined, as_of: asOf };
}
