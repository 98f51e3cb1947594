import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { answerWithJob } from '../jobs-answer.ts';
import { acceptedSchema, nameParams, refreshQuery, refreshRecordSchema, viewStatusSchema, waitQuery } from '../schemas.ts';
import type { ApiServices } from '../services.ts';

const healthSchema = z.object({
  status: z.enum(['healthy', 'degraded', 'unhealthy']),
  total_views: z.number(),
  stale_views: z.number(),
  unhealthy_views: z.number(),
});
const SWEEPS = [
  ['refresh-all', 'all', 'Refreshes every materialized view.'],
  ['refresh-stale', 'stale', 'Refreshes the views that are older than their refresh interval.'],
  ['create-all', 'create', 'Materializes every stored ViewDefinition that is not materialized yet.'],
] as const;

/** Materialized views: status from the catalog; every change is a job. */
export const materializedViewRoutes =
  (services: ApiServices): FastifyPluginAsyncZod =>
  async (app) => {
    const { catalog } = services;
    const tags = ['materialized views'];
    const accepted = { 200: acceptedSchema, 202: acceptedSchema };

    app.get(
      '/',
      { schema: { tags, response: { 200: z.object({ total: z.number(), views: z.array(viewStatusSchema) }) } } },
      async () => {
        const views = (await catalog.listViews()).map((view) => ({ ...view, indexes: view.indexes.map(copyIndex) }));
        return { total: views.length, views };
      },
    );
    app.get('/health', { schema: { tags, response: { 200: healthSchema } } }, () => catalog.health());
    app.get('/:name/status', { schema: { tags, params: nameParams, response: { 200: viewStatusSchema } } }, async (request) => {
      const view = await catalog.viewStatus(request.params.name);
      return { ...view, indexes: view.indexes.map(copyIndex) };
    });
    app.get(
      '/:name/history',
      {
        schema: {
          tags,
          params: nameParams,
          querystring: z.object({ limit: z.coerce.number().int().min(1).max(1000).default(50) }),
          response: { 200: z.object({ history: z.array(refreshRecordSchema) }) },
        },
      },
      async (request) => ({ history: [...(await catalog.history(request.params.name, request.query.limit))] }),
    );

    for (const [path, scope, description] of SWEEPS) {
      app.post(
        `/${path}`,
        { schema: { tags, description, querystring: refreshQuery, response: accepted } },
        async (request, reply) => {
          const { mode, wait } = request.query;
          return answerWithJob(services, reply, {
            name: 'sweep',
            data: { scope, reason: 'request', ...(mode && { mode }) },
            wait,
          });
        },
      );
    }
    app.post(
      '/:name',
      { schema: { tags, params: nameParams, querystring: waitQuery, response: accepted } },
      async (request, reply) => {
        await catalog.getDefinition(request.params.name);
        return answerWithJob(services, reply, {
          name: 'refresh',
          data: { view: request.params.name, reason: 'create' },
          wait: request.query.wait,
        });
      },
    );
    app.post(
      '/:name/refresh',
      { schema: { tags, params: nameParams, querystring: refreshQuery, response: accepted } },
      async (request, reply) => {
        const { mode, wait } = request.query;
        await catalog.viewStatus(request.params.name);
        return answerWithJob(services, reply, {
          name: 'refresh',
          data: { view: request.params.name, reason: 'request', ...(mode && { mode }) },
          wait,
        });
      },
    );
    app.delete(
      '/:name',
      { schema: { tags, params: nameParams, querystring: waitQuery, response: accepted } },
      async (request, reply) => {
        await catalog.viewStatus(request.params.name);
        return answerWithJob(services, reply, { name: 'drop', data: { view: request.params.name }, wait: request.query.wait });
      },
    );
  };

function copyIndex(index: { readonly name: string; readonly columns: readonly string[] }): { name: string; columns: string[] } {
  return { name: index.name, columns: [...index.columns] };
}
