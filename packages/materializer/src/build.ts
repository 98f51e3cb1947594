import type { Generation, QuarantineEntry } from '@viewmill/catalog';
import type { ViewStatus } from '@viewmill/contracts';
import { readResourceBlocks, sourceState } from '@viewmill/fhir-source';
import type { PoolClient } from 'pg';
import { copyWriter } from './copy-writer.ts';
import type { EncodedBlock } from './encode-block.ts';
import { encodePool } from './encode-pool.ts';
import { createTables, finishTables, type GenerationTables, sizeOf, tablesOf } from './generation-table.ts';
import type { RefreshOptions } from './options.ts';
import { type QuarantineList, quarantineList } from './quarantine-list.ts';
import type { Session } from './session.ts';
import { withSnapshot } from './snapshot.ts';

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

/**
 * Reads every resource of the view's type and writes its rows into a new table, in one transaction: a killed build leaves nothing.
 * Memory is bounded by a few blocks of resources and of lines for each thread, and the log of versions (6.5 MB).
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
  const { asOf, resources, rows, quarantine } = await interruptible(() =>
    withSnapshot(options.source, (reader) => copyAll(reader, client, tables, options)),
  );
  onProgress?.({ phase: 'indexing', resources, rows });
  const indexes = await interruptible(() => finishTables(client, catalog.schema, generation, plan));
  const sizeBytes = await sizeOf(client, tables);
  await client.query('commit');
  return { generation, asOf, rows, resources, quarantined: quarantine.count, quarantine: quarantine.entries, indexes, sizeBytes };
}

interface Copied {
  readonly asOf: string;
  readonly resources: number;
  readonly rows: number;
  readonly quarantine: QuarantineList;
}

async function copyAll(
  reader: PoolClient,
  client: PoolClient,
  tables: GenerationTables,
  options: RefreshOptions,
): Promise<Copied> {
  const { plan, layout, signal, onProgress } = options;
  const { asOf } = await sourceState(reader);
  const pool = encodePool(plan, options.encoding);
  const writer = copyWriter(client, tables, plan);
  const copied = { asOf, resources: 0, rows: 0, quarantine: quarantineList() };
  const accept = async (encoded: EncodedBlock): Promise<void> => {
    await writer.write(encoded);
    copied.resources += encoded.resources;
    copied.rows += encoded.rows;
    copied.quarantine.addAll(encoded.quarantine, encoded.quarantined);
    onProgress?.({ phase: 'reading', resources: copied.resources, rows: copied.rows });
  };
  // First in, first out: the rows keep the order of the resources, and no more blocks are under way than the pool is deep.
  const underWay: Promise<EncodedBlock>[] = [];
  try {
    for await (const block of readResourceBlocks(reader, layout, { resourceType: plan.resource, needs: plan.needs, signal })) {
      const encoding = pool.encode(block);
      // Awaited later, perhaps never: an error must not count as unhandled meanwhile.
      encoding.catch(() => undefined);
      underWay.push(encoding);
      if (underWay.length >= pool.depth) await accept(await (underWay.shift() as Promise<EncodedBlock>));
    }
    for (const encoding of underWay) await accept(await encoding);
    await writer.end();
  } catch (error) {
    await writer.fail();
    throw error;
  } finally {
    pool.close();
  }
  return copied;
}
