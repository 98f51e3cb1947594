import type { Basis, Generation, GenerationTables, QuarantineEntry } from '@viewmill/catalog';
import type { ViewStatus } from '@viewmill/contracts';
import { keysHaveTags, liveState, sourceKey, sourceState } from '@viewmill/fhir-source';
import type { PoolClient } from 'pg';
import { type Copied, copyRows, nothingCopied } from './copy-rows.ts';
import { createTables, finishTables, sizeOf, tablesOf } from './generation-table.ts';
import { copyKeys } from './keys.ts';
import type { Refreshed, RefreshOptions } from './options.ts';
import { replacementOf } from './published-view.ts';
import { rowsSink } from './rows-sink.ts';
import type { Session } from './session.ts';
import { withSnapshot } from './snapshot.ts';

/** A generation that is complete, indexed and committed, but not published. */
export interface Built {
  readonly generation: Generation;
  readonly basis: Basis;
  /** ISO instant of the source's clock. */
  readonly asOf: string;
  readonly rows: number;
  readonly resources: number;
  readonly quarantined: number;
  readonly quarantine: readonly QuarantineEntry[];
  readonly indexes: ViewStatus['indexes'];
  readonly sizeBytes: number;
}

/** Does work on a snapshot of the source. */
export type WithReader = <T>(work: (reader: PoolClient) => Promise<T>) => Promise<T>;

/**
 * Reads every resource of the view's type and writes its rows into a new table, in one transaction: a killed build leaves nothing.
 * @throws ViewmillError VM2008 if the table could not be shown in place of what is there
 * @param withReader default: a snapshot of its own.
 */
export async function build(
  session: Session,
  options: RefreshOptions,
  withReader: WithReader = (work) => withSnapshot(options.source, work),
): Promise<Built> {
  const { name, plan, layout, catalog, onProgress } = options;
  const { client, interruptible } = session;
  const generation = await catalog.addGeneration(client, name);
  const tables = tablesOf(catalog.schema, generation);
  await client.query('begin');
  await createTables(client, tables, plan, keysHaveTags(layout, plan.needs));
  // Said before the work, not after it.
  await replacementOf(client, catalog.schema, name, tables.rows);
  const { asOf, basis, resources, rows, quarantine } = await interruptible(() =>
    withReader((reader) => copyAll(reader, client, tables, options)),
  );
  onProgress?.({ phase: 'indexing', resources, rows });
  const indexes = await interruptible(() => finishTables(client, catalog.schema, generation, plan));
  const sizeBytes = await sizeOf(client, tables);
  await client.query('commit');
  return {
    generation,
    basis,
    asOf,
    rows,
    resources,
    quarantined: quarantine.count,
    quarantine: quarantine.entries,
    indexes,
    sizeBytes,
  };
}

/** What a refresh tells of a generation that was built. */
export function refreshedInFull({ generation, asOf, rows, resources, quarantined }: Built, why: string): Refreshed {
  return { mode: 'full', why, generation: generation.id, changed: resources, rows, resources, quarantined, as_of: asOf };
}

/** Rows, then keys: of the same snapshot, and a connection has one COPY at a time. */
async function copyAll(
  reader: PoolClient,
  client: PoolClient,
  tables: GenerationTables,
  options: RefreshOptions,
): Promise<Copied & { readonly asOf: string; readonly basis: Basis }> {
  const { plan, layout, catalog } = options;
  const { asOf } = await sourceState(reader);
  const basis: Basis = {
    planHash: plan.hash,
    sourceKey: await sourceKey(reader, layout),
    live: await liveState(reader, catalog.schema, layout),
  };
  const copied = nothingCopied();
  const sink = rowsSink(client, tables, plan, true);
  try {
    await copyRows(reader, sink, options, copied);
    await sink.end();
  } catch (error) {
    await sink.fail();
    throw error;
  }
  await copyKeys({ reader, client, layout, plan, versions: tables.versions }, tables.versions, true);
  return { ...copied, asOf, basis };
}
