import type { Generation, QuarantineEntry } from '@viewmill/catalog';
import { ident, type ViewStatus } from '@viewmill/contracts';
import { readResources, sourceState } from '@viewmill/fhir-source';
import type { PoolClient } from 'pg';
import sql, { join } from 'sql-template-tag';
import { type CopySink, copySink } from './copy-sink.ts';
import { type ResourceEncoder, resourceEncoder } from './encode-resources.ts';
import { createTables, finishTables, type GenerationTables, sizeOf, tablesOf } from './generation-table.ts';
import type { RefreshOptions } from './options.ts';
import type { Session } from './session.ts';
import { withSnapshot } from './snapshot.ts';
import { versionLog } from './version-log.ts';

/** A generation that is complete, indexed and committed, but not published. */
export interface Built {
  readonly generation: Generation;
  /** ISO instant of the source's clock. */
  readonly asOf: string;
  readonly rows: number;
  readonly resources: number;
  readonly quarantined: number;
  readonly quarantine: readonly QuarantineEntry[];
  readonly indexes: ViewStatus['indexes'];
  readonly sizeBytes: number;
}

/** Lines are sent in pieces of at least this: less cost in system calls than is saved by overlapping more. */
const PIECE_BYTES = 128 * 1024;

/**
 * Reads every resource of the view's type and writes its rows into a new table, in one transaction: a killed build leaves nothing.
 * Memory is bounded by a batch of resources, a piece of lines and the log of versions (6.5 MB).
 */
export async function build(
  session: Session,
  options: RefreshOptions,
  generation: Generation,
  check: () => Promise<void>,
): Promise<Built> {
  const { plan, catalog, onProgress } = options;
  const { client, interruptible } = session;
  const tables = tablesOf(catalog.schema, generation);
  await client.query('begin');
  await createTables(client, tables, plan);
  await check();
  const { asOf, resources, encoder } = await interruptible(() =>
    withSnapshot(options.source, (reader) => copyAll(reader, client, tables, options)),
  );
  onProgress?.({ phase: 'indexing', resources, rows: encoder.rows });
  const indexes = await interruptible(() => finishTables(client, catalog.schema, generation, plan));
  const sizeBytes = await sizeOf(client, tables);
  await client.query('commit');
  const { count: quarantined, entries: quarantine } = encoder.quarantine;
  return { generation, asOf, rows: encoder.rows, resources, quarantined, quarantine, indexes, sizeBytes };
}

interface Copied {
  readonly asOf: string;
  readonly resources: number;
  readonly encoder: ResourceEncoder;
}

async function copyAll(
  reader: PoolClient,
  client: PoolClient,
  tables: GenerationTables,
  options: RefreshOptions,
): Promise<Copied> {
  const { plan, layout, signal, onProgress } = options;
  const { asOf } = await sourceState(reader);
  const encoder = resourceEncoder(plan);
  const versions = versionLog();
  const columns = join([sql`res_id`, sql`ordinal`, ...plan.columns.map(({ name }) => ident(name))]);
  const openSink = (): CopySink =>
    copySink(client, sql`copy ${tables.rows} (${columns}) from stdin with (freeze, encoding 'UTF8')`);
  let resources = 0;
  let sink = openSink();
  try {
    for await (const batch of readResources(reader, layout, { resourceType: plan.resource, needs: plan.needs, signal })) {
      for (const resource of batch) {
        encoder.add(resource);
        versions.add(resource.resId, resource.resVer);
      }
      resources += batch.length;
      if (encoder.size() >= PIECE_BYTES) await sink.write(encoder.take());
      if (versions.isFull()) {
        // A connection has one COPY at a time.
        await sink.end();
        await copyVersions(client, tables, versions.take());
        sink = openSink();
      }
      onProgress?.({ phase: 'reading', resources, rows: encoder.rows });
    }
    if (encoder.size() > 0) await sink.write(encoder.take());
    await sink.end();
    await copyVersions(client, tables, versions.take());
  } catch (error) {
    await sink.fail();
    throw error;
  }
  return { asOf, resources, encoder };
}

async function copyVersions(client: PoolClient, { versions }: GenerationTables, pieces: readonly Buffer[]): Promise<void> {
  const sink = copySink(client, sql`copy ${versions} (res_id, res_ver) from stdin with (format binary, freeze)`);
  for (const piece of pieces) await sink.write(piece);
  await sink.end();
}
