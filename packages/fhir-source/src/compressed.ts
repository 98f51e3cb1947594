import { gunzipSync } from 'node:zlib';
import { ViewmillError } from '@viewmill/contracts';
import type { Sql } from 'sql-template-tag';
import sql from 'sql-template-tag';
import { type CompressedTexts, currentVersions, isCurrent, largeObjectExists } from './current-resources.ts';
import type { HapiLayout } from './layout.ts';
import type { Queryable } from './queryable.ts';

const NOTHING_ELSE = { id: false, meta: { version: false, tags: false }, whole: false } as const;
const PAGE = 500;
/** Bytes of unpacked text that one on-the-fly query may bring along. */
export const COMPRESSED_LIMIT_BYTES = 256 * 1024 * 1024;

/**
 * Whether current resources of the type are stored gzipped (`JSONC`, in large objects). Free where the database has no
 * large object; else it reads the type's version rows up to the first one, so keep the answer for a while.
 */
export async function hasCompressed(client: Queryable, layout: HapiLayout, resourceType: string): Promise<boolean> {
  if (!layout.largeObjects) return false;
  const answer = await client.query<{ found: boolean }>(sql`
    select exists (select from pg_catalog.pg_largeobject_metadata) and exists (
      select from ${currentVersions(layout, NOTHING_ELSE)}
      where ${isCurrent(resourceType)} and v.res_type = ${resourceType} and v.res_encoding = 'JSONC') as found`);
  return answer.rows[0]?.found === true;
}

/**
 * Reads and unpacks the gzipped resources of a type, for `currentResources`. Use the same snapshot for both (repeatable read).
 * @param options.limit bytes of unpacked text, default 256 MB.
 * @throws ViewmillError VM1202 beyond the limit.
 */
export async function compressedResources(
  client: Queryable,
  layout: HapiLayout,
  resourceType: string,
  restriction?: Sql,
  options: { readonly limit?: number } = {},
): Promise<CompressedTexts> {
  const limit = options.limit ?? COMPRESSED_LIMIT_BYTES;
  const resIds: string[] = [];
  const texts: (string | null)[] = [];
  if (!layout.largeObjects) return { resIds, texts };
  let after = '-1';
  let left = limit;
  for (;;) {
    const page = await client.query<{ res_id: string; packed: Buffer | null }>(sql`
      select r.res_id::text as res_id, case when ${largeObjectExists} then lo_get(v.res_text) end as packed
      from ${currentVersions(layout, NOTHING_ELSE)}
      where ${isCurrent(resourceType, restriction)} and v.res_encoding = 'JSONC' and r.res_id > ${after}::bigint
      order by r.res_id limit ${PAGE}::int`);
    for (const row of page.rows) {
      const body = row.packed === null ? null : unpack(row.packed, left);
      if (body !== null) left -= body.bytes;
      if (left < 0) throw tooMuch(resourceType, limit);
      resIds.push(row.res_id);
      texts.push(body?.text ?? null);
      after = row.res_id;
    }
    if (page.rows.length < PAGE) return { resIds, texts };
  }
}

/** Null if this is no gzip of UTF-8 text. More than `left` bytes are reported, not unpacked. */
function unpack(packed: Buffer, left: number): { text: string; bytes: number } | null {
  try {
    const bytes = gunzipSync(packed, { maxOutputLength: Math.max(left, 1) });
    return { text: decodeUtf8(bytes), bytes: bytes.length };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return { text: '', bytes: left + 1 };
    return null;
  }
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

/** @throws TypeError if it is not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string {
  return strictUtf8.decode(bytes);
}

function tooMuch(resourceType: string, limit: number): ViewmillError {
  const megabytes = Math.round(limit / 1024 / 1024);
  return new ViewmillError(
    'VM1202',
    `the gzipped ${resourceType} resources take more than ${megabytes} MB unpacked; materialize the view`,
  );
}
