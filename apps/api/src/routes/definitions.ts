import type { Freshness, QueryResult, Search, ViewRef } from '@viewmill/contracts';
import { searchSchema, ViewmillError } from '@viewmill/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { sendCount, sendRows, sendStream } from '../answers.ts';
import { formatOf, isStreamed } from '../formats.ts';
import { freshnessOf } from '../freshness.ts';
import { columnSchema, definitionSchema, metaSchema, nameParams, rowsSchema, searchBody } from '../schemas.ts';
import { searchOfQuery } from '../search-params.ts';
import type { ApiServices, Caller } from '../services.ts';

const looseQuery = z.looseObject({
  patient: z.string().optional().describe('id of a patient, with or without Patient/'),
  _id: z.string().optional().describe('id of the resource'),
  _lastUpdated: z
    .union([z.string(), z.array(z.string())])
    .optional()
    .describe('e.g. ge2024-01-01'),
  _sort: z.string().optional().describe('columns, descending with a minus: -onset,code'),
  _count: z.string().optional().describe('rows of a page'),
  cursor: z.string().optional().describe('`next` of the page before'),
  freshness: z.string().optional().describe('exact, bounded:<seconds> or any (default); also as header Prefer: freshness=exact'),
  _format: z
    .string()
    .optional()
    .describe('json, ndjson or csv; else by Accept. ndjson and csv have all rows unless _count is given'),
});
const countSchema = z.object({ count: z.number(), meta: metaSchema });
const definitionBody = z.record(z.string(), z.unknown());

/** ViewDefinitions: stored ones, and queries of them. All work but reading the catalog is a job. */
export const definitionRoutes =
  (services: ApiServices): FastifyPluginAsyncZod =>
  async (app) => {
    const { catalog } = services;
    const tags = ['view definitions'];

    app.get(
      '/view-definitions',
      { schema: { tags, response: { 200: z.object({ total: z.number(), definitions: z.array(definitionSchema) }) } } },
      async () => {
        const definitions = [...(await catalog.listDefinitions())];
        return { total: definitions.length, definitions };
      },
    );
    app.get('/view-definitions/:name', { schema: { tags, params: nameParams, response: { 200: definitionSchema } } }, (request) =>
      catalog.getDefinition(request.params.name),
    );
    app.post(
      '/view-definitions',
      { schema: { tags, body: definitionBody, response: { 201: definitionSchema } } },
      async (request, reply) => {
        const stored = await define(services, reply, 'create', request.body);
        return reply.code(201).header('location', `/analytics/view-definitions/${stored.name}`).send(stored);
      },
    );
    app.put(
      '/view-definitions/:name',
      { schema: { tags, params: nameParams, body: definitionBody, response: { 200: definitionSchema } } },
      (request, reply) => {
        if (request.body.name !== undefined && request.body.name !== request.params.name) {
          throw new ViewmillError('VM2001', 'the name in the body differs from the one in the path', { at: 'name' });
        }
        return define(services, reply, 'update', { ...request.body, name: request.params.name });
      },
    );
    app.delete('/view-definitions/:name', { schema: { tags, params: nameParams } }, async (request, reply) => {
      await services.query(
        { kind: 'undefine', view: { name: request.params.name }, search: searchSchema.parse({}) },
        callerOf(reply),
      );
      return reply.code(204).send();
    });

    for (const method of ['GET', 'POST'] as const) {
      const body = method === 'POST' ? { body: searchBody } : {};
      const schema = { tags, params: nameParams, querystring: looseQuery, ...body };
      const searchOf = (request: FastifyRequest): Search => mergedSearch(request.query, request.body);
      app.route({
        method,
        url: '/view-definitions/:name/execute',
        schema: { ...schema, response: { 200: rowsSchema } },
        handler: async (request, reply) =>
          rows(services, reply, { name: request.params.name }, searchOf(request), freshnessOf(request)),
      });
      app.route({
        method,
        url: '/view-definitions/:name/count',
        schema: { ...schema, response: { 200: countSchema } },
        handler: async (request, reply) => {
          const result = await services.query(
            {
              kind: 'count',
              view: { name: request.params.name },
              search: searchOf(request),
              freshness: freshnessOf(request),
            },
            callerOf(reply),
          );
          return sendCount(reply, expectKind(result, 'count'));
        },
      });
    }
    app.get(
      '/view-definitions/:name/schema',
      { schema: { tags, params: nameParams, response: { 200: z.object({ columns: z.array(columnSchema) }) } } },
      async (request, reply) => {
        const result = await services.query(
          { kind: 'schema', view: { name: request.params.name }, search: searchSchema.parse({}) },
          callerOf(reply),
        );
        return { columns: [...expectKind(result, 'schema').columns] };
      },
    );
    app.post(
      '/query',
      {
        schema: {
          tags: ['queries'],
          description: 'Runs a ViewDefinition that is not stored.',
          body: z.object({ view: definitionBody, search: searchBody }),
          response: { 200: rowsSchema },
        },
      },
      async (request, reply) =>
        rows(services, reply, { definition: request.body.view }, searchSchema.parse(request.body.search ?? {}), 'any'),
    );
  };

async function rows(
  services: ApiServices,
  reply: FastifyReply,
  view: ViewRef,
  search: Search,
  freshness: Freshness,
): Promise<FastifyReply> {
  const { query, headers } = reply.request;
  const format = formatOf(query, headers.accept);
  if (isStreamed(format, search)) {
    const job = { kind: 'rows' as const, view, search, freshness, stream: format };
    return sendStream(reply, format, await services.stream(job, callerOf(reply)));
  }
  const result = await services.query({ kind: 'rows', view, search, freshness }, callerOf(reply));
  return sendRows(reply, expectKind(result, 'rows'));
}

async function define(
  services: ApiServices,
  reply: FastifyReply,
  mode: 'create' | 'update',
  definition: Record<string, unknown>,
) {
  const result = await services.query(
    { kind: 'define', mode, view: { definition }, search: searchSchema.parse({}) },
    callerOf(reply),
  );
  const { definition: stored } = expectKind(result, 'define');
  return { ...stored, definition: { ...stored.definition } };
}

/** A POST may give a search in its body; parameters of the URL are added to it. */
function mergedSearch(query: unknown, body: unknown): Search {
  const fromUrl = searchOfQuery((query ?? {}) as Record<string, unknown>);
  if (body === undefined || body === null) return fromUrl;
  const fromBody = searchSchema.parse(body);
  return {
    conditions: [...fromBody.conditions, ...fromUrl.conditions],
    sort: fromUrl.sort.length > 0 ? fromUrl.sort : fromBody.sort,
    limit: fromUrl.limit ?? fromBody.limit,
    cursor: fromUrl.cursor ?? fromBody.cursor,
  };
}

/** Its signal fires when the client goes away before it was answered, so that its query does not run for nobody. */
function callerOf(reply: FastifyReply): Caller {
  const controller = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort();
  });
  return { signal: controller.signal, client: reply.request.ip };
}

function expectKind<K extends QueryResult['kind']>(result: QueryResult, kind: K): Extract<QueryResult, { kind: K }> {
  if (result.kind !== kind) throw new TypeError(`a ${kind} job answered ${result.kind}`);
  return result as Extract<QueryResult, { kind: K }>;
}
