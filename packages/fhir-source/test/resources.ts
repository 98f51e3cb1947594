import {
  compressedResources,
  currentResources,
  detectHapi,
  type HapiLayout,
  type ReadOptions,
  readResources,
  type SourceNeeds,
  type SourceResource,
} from '@viewmill/fhir-source';
import type { Pool } from 'pg';
import { expect } from 'vitest';

export const BODY: SourceNeeds = { id: true, meta: { version: false, tags: false }, whole: false };
export const WHOLE: SourceNeeds = { id: true, meta: { version: true, tags: true }, whole: true };

export interface Row {
  readonly res_id: string;
  readonly id: string;
  readonly body: string;
  readonly meta: Record<string, unknown> | null;
}

/** The current resources by FHIR id, read as a relation and as a stream, which must agree. */
export async function readBoth(
  { pool }: { readonly pool: Pool },
  resourceType: string,
  needs: SourceNeeds = WHOLE,
  settings = { schema: 'public', timeZone: 'UTC' },
): Promise<Map<string, Row>> {
  const layout = await detectHapi(pool, settings);
  const compressed = await compressedResources(pool, layout, resourceType);
  const { rows } = await pool.query<Row>(currentResources(layout, resourceType, needs, undefined, compressed));
  const found = new Map(rows.map((row) => [row.id, row]));
  expect(found.size).toBe(rows.length);
  const streamed = await readAll(pool, layout, { resourceType, needs });
  expect(streamed.size).toBe(found.size);
  for (const [id, row] of found) {
    const other = streamed.get(id);
    if (other?.text !== row.body || String(other.resId) !== row.res_id)
      throw new Error(`${id} differs between the stream and SQL`);
    expect(other.meta === null ? null : JSON.parse(other.meta)).toEqual(row.meta);
  }
  return found;
}

/** Everything of one stream, by FHIR id. */
export async function readAll(pool: Pool, layout: HapiLayout, options: ReadOptions): Promise<Map<string, SourceResource>> {
  const client = await pool.connect();
  try {
    const found = new Map<string, SourceResource>();
    for await (const batch of readResources(client, layout, options)) {
      for (const resource of batch) {
        if (found.has(resource.id ?? '')) throw new Error('the same id twice');
        found.set(resource.id ?? '', resource);
      }
    }
    return found;
  } finally {
    client.release();
  }
}
