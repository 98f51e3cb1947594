import { type ReadOptions, readResourceBlocks } from '@viewmill/fhir-source';
import type { PoolClient } from 'pg';
import type { CopySink } from './copy-sink.ts';
import type { EncodedBlock } from './encode-block.ts';
import { encodePool } from './encode-pool.ts';
import type { RefreshOptions } from './options.ts';
import { type QuarantineList, quarantineList } from './quarantine-list.ts';

/** What went through so far. */
export interface Copied {
  resources: number;
  rows: number;
  readonly quarantine: QuarantineList;
}

export function nothingCopied(): Copied {
  return { resources: 0, rows: 0, quarantine: quarantineList() };
}

/**
 * Reads resources and writes their rows into the sink, which stays open.
 * Memory is bounded by a few blocks of resources and of lines for each thread.
 * @param restriction which resources of the view's type; default all.
 * @throws the errors of the view, and PostgreSQL's of either side; the sink is to be ended by the caller.
 */
export async function copyRows(
  reader: PoolClient,
  sink: CopySink,
  options: RefreshOptions,
  copied: Copied,
  restriction?: ReadOptions['restriction'],
): Promise<void> {
  const { plan, layout, signal, onProgress } = options;
  const pool = encodePool(plan, options.encoding);
  const accept = async (encoded: EncodedBlock): Promise<void> => {
    if (encoded.lines.length > 0) await sink.write(encoded.lines);
    copied.resources += encoded.resources;
    copied.rows += encoded.rows;
    copied.quarantine.addAll(encoded.quarantine, encoded.quarantined);
    onProgress?.({ phase: 'reading', resources: copied.resources, rows: copied.rows });
  };
  // First in, first out: the rows keep the order of the resources, and no more blocks are under way than the pool is deep.
  const underWay: Promise<EncodedBlock>[] = [];
  const request = {
    resourceType: plan.resource,
    needs: plan.needs,
    signal,
    ...(restriction === undefined ? {} : { restriction }),
  };
  try {
    for await (const block of readResourceBlocks(reader, layout, request)) {
      const encoding = pool.encode(block);
      // Awaited later, perhaps never: an error must not count as unhandled meanwhile.
      encoding.catch(() => undefined);
      underWay.push(encoding);
      if (underWay.length >= pool.depth) await accept(await (underWay.shift() as Promise<EncodedBlock>));
    }
    for (const encoding of underWay) await accept(await encoding);
  } finally {
    pool.close();
  }
}
