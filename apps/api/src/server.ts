import { createBullBoard } from '@bull-board/api';
import type { BaseAdapter } from '@bull-board/api/baseAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import fastifySwagger from '@fastify/swagger';
import fastifySwaggerUi from '@fastify/swagger-ui';
import Fastify, { type FastifyInstance } from 'fastify';
import { jsonSchemaTransform, serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import { installProblems } from './problems.ts';
import { definitionRoutes } from './routes/definitions.ts';
import { healthRoutes } from './routes/health.ts';
import { jobRoutes } from './routes/jobs.ts';
import { materializedViewRoutes } from './routes/materialized-views.ts';
import type { ApiServices } from './services.ts';

const BODY_LIMIT_BYTES = 1_048_576;

/** The HTTP server, not yet listening. `boardQueues` are the queues that Bull Board shows. */
export async function createServer(services: ApiServices, boardQueues: readonly BaseAdapter[]): Promise<FastifyInstance> {
  // Requests are not logged by the framework: their URLs can hold patient identifiers.
  const app = Fastify({ logger: false, bodyLimit: BODY_LIMIT_BYTES, forceCloseConnections: 'idle' });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  installProblems(app, services);
  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Viewmill',
        version: '0.1.0',
        description: 'SQL-on-FHIR views, materialized and on the fly, through a queue of workers.',
      },
    },
    transform: jsonSchemaTransform,
  });
  await app.register(fastifySwaggerUi, { routePrefix: '/docs' });
  await app.register(healthRoutes(services));
  await app.register(materializedViewRoutes(services), { prefix: '/analytics/materialized-views' });
  await app.register(definitionRoutes(services), { prefix: '/analytics' });
  await app.register(jobRoutes(services), { prefix: '/analytics' });
  await registerBoard(app, boardQueues);
  app.get('/', { schema: { hide: true } }, (_request, reply) => reply.redirect('/docs'));
  return app;
}

async function registerBoard(app: FastifyInstance, queues: readonly BaseAdapter[]): Promise<void> {
  const adapter = new FastifyAdapter();
  createBullBoard({ queues: [...queues], serverAdapter: adapter, options: { uiConfig: { boardTitle: 'Viewmill' } } });
  adapter.setBasePath('/admin/queues');
  // Bull Board brings schemas of its own style; within its scope fastify's own compilers hold.
  await app.register(adapter.registerPlugin(), { prefix: '/admin/queues' });
}
