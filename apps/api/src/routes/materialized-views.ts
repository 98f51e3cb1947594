import { type RefreshMode, ViewmillError, viewGroups } from '@viewmill/contracts';
import type { FastifyReply } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { answerWithJob } from '../jobs-answer.ts';
import { acceptedSchema, nameParams, refreshQuery, refreshRecordSchema, viewStatusSchema, waitQuery } from '../schemas.ts';
import type { ApiServices } from '../services.ts';

const sweepQuery = refreshQuery.extend({
  consistent: z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .optional()
    .describe('refresh-all only: all views at one state of the source, shown in one transaction'),
});
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
    const groups = viewGroups(services.settings);
    const tags = ['materialized views'];
    const accepted = { 200: acceptedSchema, 202: acceptedSchema };

    const refreshSet = (
      reply: FastifyReply,
      views: readonly string[] | null,
      mode: RefreshMode | undefined,
      wait: string | undefined,
    ): Promise<FastifyReply> => {
      const data = { views: views === null ? null : [...views], reason: 'request' as const, ...(mode && { mode }) };
      return answerWithJob(services, reply, { name: 'refresh-set', data, wait });
    };

    app.get(
      '/groups',
      { schema: { tags, response: { 200: z.object({ groups: z.record(z.string(), z.array(z.string())) }) } } },
      () => ({ groups: Object.fromEntries(Object.entries(groups).map(([name, views]) => [name, [...views]])) }),
    );
    app.post(
      '/groups/:name/refresh',
      {
        schema: {
          tags,
          description: 'Refreshes the views of a group (setting VIEW_GROUPS) at one state of the source, and shows them at once.',
          params: nameParams,
          querystring: refreshQuery,
          response: accepted,
        },
      },
      async (request, reply) => {
        const views = groups[request.params.name];
        if (views === undefined)
          throw new ViewmillError('VM2007', `there is no group ${request.params.name}; see the setting VIEW_GROUPS`, {
            at: 'name',
          });
        return refreshSet(reply, views, request.query.mode, request.query.wait);
      },
    );

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
        { schema: { tags, description, querystring: sweepQuery, response: accepted } },
        async (request, reply) => {
          const { mode, wait, consistent } = request.query;
          if (consistent && scope === 'all') return refreshSet(reply, null, mode, wait);
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
