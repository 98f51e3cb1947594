import { Readable } from 'node:stream';
import type { QueryMeta, QueryResult, RowFormat, StreamEnd, StreamHead } from '@viewmill/contracts';
import type { RowStream } from '@viewmill/queue';
import type { FastifyReply } from 'fastify';
import { CONTENT_TYPES } from './formats.ts';

function headHeaders(reply: FastifyReply, meta: StreamHead['meta']): void {
  reply.headers({
    'x-viewmill-runner': meta.runner,
    'x-viewmill-stale': String(meta.is_stale),
    'server-timing': `queue;dur=${meta.queue_ms.toFixed(1)}`,
    ...(meta.as_of === null ? {} : { 'x-viewmill-as-of': meta.as_of }),
  });
}

function metaHeaders(reply: FastifyReply, meta: QueryMeta): void {
  headHeaders(reply, meta);
  reply.headers({
    'x-viewmill-rows': String(meta.rows),
    'server-timing': `queue;dur=${meta.queue_ms.toFixed(1)}, database;dur=${meta.database_ms.toFixed(1)}`,
  });
}

function opening(columns: readonly string[]): string {
  return `{"columns":${JSON.stringify(columns)},"rows":[`;
}

function closing({ next, meta }: StreamEnd): string {
  return `],"next":${JSON.stringify(next)},"meta":${JSON.stringify(meta)}}`;
}

/** The rows travel as the text PostgreSQL wrote: parsing and printing them again would cost time and the digits of decimals. */
export function sendRows(reply: FastifyReply, result: Extract<QueryResult, { kind: 'rows' }>): FastifyReply {
  metaHeaders(reply, result.meta);
  const text = opening(result.columns) + result.rowsJson.slice(1, -1) + closing(result);
  return reply.header('content-type', CONTENT_TYPES.json).send(text);
}

/** Rows as they come, no faster than the client takes them; what is known at the end only is at the end. An answer of one chunk has all headers. */
export function sendStream(reply: FastifyReply, format: RowFormat, { head, whole, chunks }: RowStream): FastifyReply {
  reply.header('content-type', CONTENT_TYPES[format]);
  if (whole !== null) {
    metaHeaders(reply, whole.end.meta);
    if (whole.end.next !== null) reply.header('x-viewmill-next', whole.end.next);
    return reply.send(format === 'json' ? opening(head.columns) + whole.text + closing(whole.end) : whole.text);
  }
  headHeaders(reply, head.meta);
  // Left by the client, the generator is closed, and with it the query.
  return reply.send(Readable.from(format === 'json' ? body(head, chunks) : chunks));
}

async function* body({ columns }: StreamHead, chunks: RowStream['chunks']): AsyncGenerator<string> {
  let separator = opening(columns);
  try {
    for (;;) {
      const { value, done } = await chunks.next();
      if (done === true) {
        yield (separator === ',' ? '' : separator) + closing(value);
        return;
      }
      yield separator + value;
      separator = ',';
    }
  } finally {
    await chunks.return(undefined as never);
  }
}

export function sendCount(reply: FastifyReply, result: Extract<QueryResult, { kind: 'count' }>): FastifyReply {
  metaHeaders(reply, result.meta);
  return reply.send({ count: result.count, meta: result.meta });
}
