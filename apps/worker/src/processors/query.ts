import type { Catalog } from '@viewmill/catalog';
import { type QueryJob, type QueryMeta, type QueryResult, ViewmillError } from '@viewmill/contracts';
import type { QueryContext } from '@viewmill/queue';
import type { ViewRunner } from '@viewmill/runner';
import type { Statistics } from '../statistics.ts';
import type { ViewCompiler } from '../views.ts';

export interface QueryDependencies {
  readonly views: ViewCompiler;
  readonly runner: ViewRunner;
  readonly statistics: Pick<Statistics, 'count'>;
  readonly catalog: Pick<Catalog, 'putDefinition' | 'deleteDefinition'>;
}

/** One query: compiled, run, answered. `enqueuedAt` is in milliseconds since 1970. */
export async function query(
  job: QueryJob,
  { enqueuedAt, signal, write }: QueryContext,
  dependencies: QueryDependencies,
): Promise<QueryResult> {
  const queueMs = Math.max(0, Date.now() - enqueuedAt);
  const { views, runner } = dependencies;
  switch (job.kind) {
    case 'rows': {
      const view = await views.resolve(job.view);
      if (job.stream !== undefined) {
        const { meta, ...answer } = await runner.stream(view, job.search, {
          format: job.stream,
          deadline: job.deadline,
          signal,
          freshness: job.freshness,
          write: (head, text) => write({ ...head, meta: { ...head.meta, queue_ms: queueMs } }, text),
        });
        dependencies.statistics.count(view.name, meta);
        return { kind: 'streamed', ...answer, meta: { ...meta, queue_ms: queueMs } };
      }
      const { meta, ...answer } = await runner.execute(view, job.search, undefined, {
        deadline: job.deadline,
        freshness: job.freshness,
        signal,
      });
      dependencies.statistics.count(view.name, meta);
      return { kind: 'rows', ...answer, meta: { ...meta, queue_ms: queueMs } satisfies QueryMeta };
    }
    case 'count': {
      const view = await views.resolve(job.view);
      const { meta, count } = await runner.executeCount(view, job.search, {
        deadline: job.deadline,
        freshness: job.freshness,
        signal,
      });
      dependencies.statistics.count(view.name, meta);
      return { kind: 'count', count, meta: { ...meta, queue_ms: queueMs } };
    }
    case 'schema':
      return { kind: 'schema', columns: runner.getSchema(await views.resolve(job.view)) };
    case 'define':
      return { kind: 'define', definition: await define(job, dependencies) };
    case 'undefine': {
      const name = nameOf(job);
      await dependencies.catalog.deleteDefinition(name);
      views.forget(name);
      return { kind: 'undefine', name };
    }
  }
}

/** Stores a definition only if it compiles; the diagnostics travel in the error. */
async function define(job: QueryJob, { views, catalog }: QueryDependencies) {
  if (!('definition' in job.view)) throw new ViewmillError('VM2001', 'a definition is needed', { at: 'view' });
  const { plan } = await views.resolve(job.view);
  if (plan.name === '') throw new ViewmillError('VM1106', 'a stored ViewDefinition needs a name', { at: 'name' });
  const { definition } = job.view;
  const stored = await catalog.putDefinition(
    { name: plan.name, definition, resource: plan.resource, title: plan.title, builtin: false },
    job.mode ?? 'create',
  );
  views.forget(plan.name);
  return stored;
}

function nameOf(job: QueryJob): string {
  if (!('name' in job.view)) throw new ViewmillError('VM2001', 'the name of a stored view is needed', { at: 'view' });
  return job.view.name;
}
