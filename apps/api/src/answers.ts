import type { QueryMeta, QueryResult } from '@viewmill/contracts';
import type { FastifyReply } from 'fastify';

function metaHeaders(reply: FastifyReply, meta: QueryMeta): void {
  reply.headers({
    'x-viewmill-runner': meta.runner,
    'x-viewmill-stale': String(meta.is_stale),
    'x-viewmill-rows': String(meta.rows),
    'server-timing': `queue;dur=${meta.queue_ms.toFixed(1)}, database;dur=${meta.database_ms.toFixed(1)}`,
    ...(meta.as_of === null ? {} : { 'x-viewmill-as-of': meta.as_of }),
  });
}

/** The rows travel as the text PostgreSQL wrote: parsing and printing them again would cost time and the digits of decimals. */
export function sendRows(reply: FastifyReply, result: Extract<QueryResult, { kind: 'rows' }>): FastifyReply {
  metaHeaders(reply, result.meta);
  const { columns, next, meta, rowsJson } = result;
  const text = `{"columns":${JSON.stringify(columns)},"rows":${rowsJson},"next":${JSON.stringify(next)},"meta":${JSON.stringify(meta)}}`;
  return reply.header('content-type', 'application/json; charset=utf-8').send(text);
}

export function sendCount(reply: FastifyReply, result: Extract<QueryResult, { kind: 'count' }>): FastifyReply {
  metaHeaders(reply, result.meta);
  return reply.send({ count: result.count, meta: result.meta });
}
