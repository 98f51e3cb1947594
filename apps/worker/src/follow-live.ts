import { type Catalog, listen } from '@viewmill/catalog';
import { type HapiLayout, liveChannel, liveState } from '@viewmill/fhir-source';
import type { Pool } from 'pg';

export interface FollowOptions {
  readonly source: Pool;
  readonly catalog: Pick<Catalog, 'schema' | 'listViews'>;
  readonly layout: HapiLayout;
  /** How long changes are gathered before views are refreshed, in milliseconds: views are refreshed this often at most. */
  readonly gatherMs: number;
  readonly enqueueRefresh: (view: string) => Promise<unknown>;
  readonly onError: (error: unknown) => void;
}

export interface Following {
  readonly close: () => Promise<void>;
}

/** Every type. */
const ANY = '*';

/**
 * Enqueues refreshes of the views whose resource type live capture announces. Several workers may do so: refreshes that wait are one.
 * Views whose automatic refresh is switched off are left alone. After a lost connection, and at the start, all views count as changed.
 */
export function followLive(options: FollowOptions): Following {
  const { source, catalog, layout, gatherMs, enqueueRefresh, onError } = options;
  const changed = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let working: Promise<void> = Promise.resolve();

  async function refreshChanged(): Promise<void> {
    timer = undefined;
    const types = new Set(changed);
    changed.clear();
    if (types.has(ANY) && (await liveState(source, catalog.schema, layout)) === null) return;
    for (const view of await catalog.listViews()) {
      if (view.auto_refresh_enabled && (types.has(ANY) || types.has(view.resource))) await enqueueRefresh(view.name);
    }
  }

  const subscription = listen(source, liveChannel(catalog.schema), (type) => {
    changed.add(type ?? ANY);
    timer ??= setTimeout(() => {
      working = refreshChanged().catch(onError);
    }, gatherMs);
  });
  return {
    close: async () => {
      await subscription.close();
      clearTimeout(timer);
      await working;
    },
  };
}
