import { ViewmillError } from '@viewmill/contracts';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { jobSchema, waitQuery } from '../schemas.ts';
import type { ApiServices } from '../services.ts';
import { waitOf } from '../wait.ts';

const idParams = z.object({ id: z.string().min(1).max(200) });

/** Jobs of the refresh queue: progress, result, cancel. */
export const jobRoutes =
  (services: ApiServices): FastifyPluginAsyncZod =>
  async (app) => {
    const tags = ['jobs'];
    app.get('/jobs', { schema: { tags, response: { 200: z.object({ jobs: z.array(jobSchema) }) } } }, async () => ({
      jobs: [...(await services.jobs.list())],
    }));
    app.get(
      '/jobs/:id',
      { schema: { tags, params: idParams, querystring: waitQuery, response: { 200: jobSchema } } },
      async (request) => {
        const waitMs = waitOf(request.query.wait);
        const { id } = request.params;
        const job = waitMs > 0 ? await services.jobs.wait(id, waitMs) : await services.jobs.get(id);
        if (job === null) throw new ViewmillError('VM2004', 'there is no job of this id', { at: 'id' });
        return job;
      },
    );
    app.delete(
      '/jobs/:id',
      {
        schema: {
          tags,
          params: idParams,
          description: 'Cancels the job.',
          response: { 200: z.object({ cancelled: z.boolean() }) },
        },
      },
      async (request) => {
        if ((await services.jobs.get(request.params.id)) === null)
          throw new ViewmillError('VM2004', 'there is no job of this id', { at: 'id' });
        return { cancelled: await services.jobs.cancel(request.params.id) };
      },
    );
  };
