import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { ApiServices } from '../services.ts';

const readiness = z.object({ status: z.enum(['ready', 'not ready']), database: z.boolean(), queue: z.boolean() });

/** Liveness, readiness, and the health of the whole. */
export const healthRoutes =
  (services: ApiServices): FastifyPluginAsyncZod =>
  async (app) => {
    const tags = ['health'];
    app.get('/health/live', { schema: { tags, response: { 200: z.object({ status: z.literal('live') }) } } }, () => ({
      status: 'live' as const,
    }));
    app.get('/health/ready', { schema: { tags, response: { 200: readiness, 503: readiness } } }, async (_request, reply) => {
      const [database, queue] = await Promise.all([works(services.catalog.health()), works(services.jobs.counts())]);
      const ready = database && queue;
      return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not ready', database, queue });
    });
    app.get('/analytics/health', { schema: { tags, description: 'Views, queue and workers.' } }, async () => {
      const [views, health, queue] = await Promise.all([
        services.catalog.listViews(),
        services.catalog.health(),
        services.jobs.counts(),
      ]);
      return {
        status: queue.queries.workers === 0 ? 'unhealthy' : health.status,
        views: views.map(({ name, status, is_stale, staleness_hours, as_of, last_error }) => ({
          name,
          status,
          is_stale,
          staleness_hours,
          as_of,
          last_error,
        })),
        queue,
      };
    });
    app.get('/analytics/runner-stats', { schema: { tags, description: 'What the runners of all workers did.' } }, async () => ({
      runner_type: services.settings.VIEWDEF_RUNNER,
      ...(await services.catalog.runnerStats()),
    }));
  };

function works(attempt: Promise<unknown>): Promise<boolean> {
  return attempt.then(
    () => true,
    () => false,
  );
}
