import type { Catalog } from '@viewmill/catalog';
import type { Settings } from '@viewmill/contracts';
import type { HapiLayout } from '@viewmill/fhir-source';
import { buildShard, cancelSharded, dropView, refreshTogether, refreshView } from '@viewmill/materializer';
import type { QueueConnection, RefreshHandlers } from '@viewmill/queue';
import type { Pool } from 'pg';
import { inShards } from './in-shards.ts';
import { refuseRefresh } from './memory.ts';
import { sweep } from './processors/sweep.ts';
import type { ViewCompiler } from './views.ts';

export interface RefreshDependencies {
  readonly settings: Pick<Settings, 'READER_ROLE' | 'SHARD_RESOURCES'>;
  readonly source: Pool;
  readonly target: Pool;
  readonly catalog: Catalog;
  /** Null: there are no HAPI tables to read; every refresh is refused. */
  readonly layout: HapiLayout | null;
  readonly views: ViewCompiler;
  readonly enqueue: QueueConnection['refreshes']['enqueue'];
  /** Workers that are connected now, this one included. */
  readonly workers: () => Promise<number>;
}

/** What a worker does with the jobs of the queue `refreshes`. */
export function refreshHandlers(dependencies: RefreshDependencies): RefreshHandlers {
  const { settings, source, target, catalog, layout, views, enqueue, workers } = dependencies;
  const place = { source, target, catalog, readerRole: settings.READER_ROLE };
  return {
    refresh: async ({ view, reason, mode }, { signal, progress, fanOut }) => {
      const compiled = await views.named(view);
      if (layout === null) return refuseRefresh();
      const options = { ...place, layout, ...compiled, reason, mode, signal, onProgress: progress };
      return (await inShards(options, { perShard: settings.SHARD_RESOURCES, workers }, fanOut)) ?? refreshView(options);
    },
    shard: async ({ view, generation, shard }, { signal, progress }) => {
      const compiled = await views.named(view);
      if (layout === null) return refuseRefresh();
      const options = { ...place, layout, ...compiled, reason: 'request', signal, onProgress: progress };
      return { view, shard, built: await buildShard(options, generation, shard) };
    },
    calledOff: ({ view }) => cancelSharded({ ...place, name: view }),
    sweep: async (data) =>
      layout === null ? refuseRefresh() : sweep(data, { catalog, enqueueRefresh: (refresh) => enqueue('refresh', refresh) }),
    'refresh-set': async ({ views: names, reason, mode }, { signal, progress }) => {
      if (layout === null) return refuseRefresh();
      const wanted = names ?? (await catalog.listViews()).map(({ name }) => name);
      const members = await Promise.all(wanted.map((name) => views.named(name)));
      const refreshed = await refreshTogether({ ...place, layout, views: members, reason, mode, signal, onProgress: progress });
      return { as_of: refreshed[0]?.as_of ?? null, refreshed };
    },
    drop: ({ view }) => dropView({ ...place, name: view }),
  };
}
