import { gunzipSync } from 'node:zlib';
import { ViewmillError } from '@viewmill/contracts';
import type { ClientBase } from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import type { Sql } from 'sql-template-tag';
import sql from 'sql-template-tag';
import { decodeUtf8 } from './compressed.ts';
import { bigintField, bytesField, copyBlocks, copyRowParser, type RowFields, textField } from './copy-rows.ts';
import { currentVersions, idColumn, isCurrent, largeObjectExists, metaColumn } from './current-resources.ts';
import { inlineLiterals } from './inline-literals.ts';
import type { HapiLayout } from './layout.ts';
import type { SourceNeeds } from './source-needs.ts';

interface ResourceHead {
  /** Exact: decimal text beyond 2^53. */
  readonly resId: number | string;
  readonly resVer: number | string;
  /** FHIR id; null unless needed. */
  readonly id: string | null;
  /** JSON text of `meta`; null unless needed. */
  readonly meta: string | null;
}

/** A current resource as it is stored. With `error` its body could not be read; the text says why and holds none of it. */
export type SourceResource =
  | (ResourceHead & { readonly text: string; readonly error: null })
  | (ResourceHead & { readonly text: null; readonly error: string });

export type ResourceBatch = readonly SourceResource[];

export interface ReadOptions {
  readonly resourceType: string;
  readonly needs: SourceNeeds;
  /** A condition on `r` (hfj_resource) from restrictions.ts. */
  readonly restriction?: Sql | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Bytes of a block: handing one to another thread has its price (builds with 128 KB take a quarter longer), and so has keeping a few. */
const BLOCK_BYTES = 1024 * 1024;
/** A gzip that unpacks to more than this is an attack or a fault, not a resource. */
const MAX_UNPACKED_BYTES = 256 * 1024 * 1024;

const FIELDS = { resId: 0, resVer: 1, id: 2, meta: 3, encoding: 4, inline: 5, large: 6 } as const;
const FIELD_COUNT = 7;

/**
 * Streams the current resources of a type through one binary COPY, in no particular order. The socket is read only as fast as
 * batches are taken. After the last batch, and after an SQL error, the client can be used again; after an abort, or when the
 * loop is left early, its connection has been closed: release it with `release(true)`.
 * @throws ViewmillError VM3006 when aborted; pg's DatabaseError as it is.
 */
export async function* readResources(
  client: ClientBase,
  layout: HapiLayout,
  options: ReadOptions,
): AsyncGenerator<ResourceBatch, void, void> {
  for await (const block of readResourceBlocks(client, layout, options)) {
    const batch: SourceResource[] = [];
    decodeResources(block, (resource) => batch.push(resource));
    yield batch;
  }
}

/**
 * The same stream as blocks of bytes that `decodeResources` understands, each with its own memory: they can be handed to
 * another thread. Reading them costs the calling thread next to nothing.
 */
export async function* readResourceBlocks(
  client: ClientBase,
  layout: HapiLayout,
  options: ReadOptions,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
  const { signal } = options;
  if (signal?.aborted) throw cancelled();
  const stream = client.query(copyTo(`copy (${inlineLiterals(selectRows(layout, options))}) to stdout (format binary)`));
  const abort = (): void => void stream.destroy(cancelled());
  signal?.addEventListener('abort', abort, { once: true });
  // A connection that breaks reports here as well as on the stream; without a listener the process would end.
  const ignore = (): void => {};
  client.on('error', ignore);

  const blocks = copyBlocks(FIELD_COUNT, BLOCK_BYTES);
  let finished = false;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      const block = blocks.add(chunk);
      if (block !== null) yield block;
    }
    finished = true;
    const last = blocks.end();
    if (last.length > 0) yield last;
  } catch (error) {
    // The server itself ended the COPY: the connection is in order.
    finished ||= isServerError(error);
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
    // Inside a COPY the only quick way out is to hang up; `end` does that while a query is running, without an error event.
    if (!finished) await endClient(client);
    client.removeListener('error', ignore);
  }
}

/** The resources of a block of `readResourceBlocks`. */
export function decodeResources(block: Uint8Array<ArrayBuffer>, onResource: (resource: SourceResource) => void): void {
  const parse = copyRowParser(FIELD_COUNT, 'rows only');
  parse(Buffer.from(block.buffer, block.byteOffset, block.byteLength), (row) => onResource(readRow(row)));
}

function selectRows(layout: HapiLayout, { resourceType, needs, restriction }: ReadOptions): Sql {
  const inline = layout.inlineText ? sql`v.res_text_vc` : sql`null::text`;
  const large = layout.largeObjects
    ? sql`case when ${inline} is null and v.res_text is not null and ${largeObjectExists} then lo_get(v.res_text) end`
    : sql`null::bytea`;
  return sql`select r.res_id::bigint, r.res_ver::bigint, ${idColumn(layout, needs)}, ${metaColumn(layout, needs)}::text,
    nullif(v.res_encoding, 'JSON')::text, ${inline}, ${large}
    from ${currentVersions(layout, needs)} where ${isCurrent(resourceType, restriction)}`;
}

function readRow(row: RowFields): SourceResource {
  const resId = bigintField(row, FIELDS.resId);
  const resVer = bigintField(row, FIELDS.resVer);
  const id = textField(row, FIELDS.id);
  const meta = textField(row, FIELDS.meta);
  const encoding = textField(row, FIELDS.encoding);
  const inline = textField(row, FIELDS.inline);
  if (encoding === null && inline !== null) return { resId, resVer, id, meta, text: inline, error: null };
  const body = readStored(encoding, inline, bytesField(row, FIELDS.large));
  return typeof body === 'string'
    ? { resId, resVer, id, meta, text: body, error: null }
    : { resId, resVer, id, meta, text: null, error: body.error };
}

/** Whatever is not plain inline JSON. `encoding` is null for JSON. */
function readStored(encoding: string | null, inline: string | null, large: Buffer | null): string | { readonly error: string } {
  if (encoding !== null && encoding !== 'JSONC') return { error: `the current version is stored as ${encoding}, not as JSON` };
  if (encoding === null && inline !== null) return inline;
  if (large === null)
    return { error: inline === null ? 'no text is stored, or its large object is missing' : 'gzip in a text column' };
  let unpacked: Uint8Array = large;
  try {
    if (encoding === 'JSONC') unpacked = gunzipSync(large, { maxOutputLength: MAX_UNPACKED_BYTES });
  } catch {
    return { error: 'the large object is not a readable gzip' };
  }
  try {
    return decodeUtf8(unpacked);
  } catch {
    return { error: 'the text is not UTF-8' };
  }
}

function isServerError(error: unknown): boolean {
  return error instanceof Error && error.name !== 'AbortError' && 'severity' in error && 'code' in error;
}

/** `end` exists on the clients that a pool hands out as well; ClientBase only does not name it. */
async function endClient(client: ClientBase): Promise<void> {
  await (client as ClientBase & { end(): Promise<void> }).end();
}

function cancelled(): ViewmillError {
  return new ViewmillError('VM3006', 'reading the resources was cancelled');
}
