import type { Served } from '@viewmill/catalog';
import { deltaObstacle } from './delta-obstacle.ts';
import { dropLeftovers } from './leftovers.ts';
import type { RefreshOptions } from './options.ts';
import type { Session } from './session.ts';

/** A refresh that is noted as running. */
export interface Begun {
  readonly refreshId: number;
  /** What serves the view until then; null if nothing does. */
  readonly served: Served | null;
  /** Why all of it has to be built; null: what serves can be brought up to date. */
  readonly obstacle: string | null;
}

/** The first step of every refresh, under the view's lock: cleans up, finds out which way it goes, and notes that it runs. */
export async function beginRefresh({ client }: Session, options: RefreshOptions): Promise<Begun> {
  const { name, plan, catalog, reason } = options;
  // Two builds of one view would do the work twice: this one takes the place of a sharded one.
  await catalog.endSharded(client, name);
  await dropLeftovers(client, catalog, name);
  const served = await catalog.served(client, name);
  const obstacle = await deltaObstacle(client, options, served);
  const mode = obstacle === null ? 'delta' : 'full';
  const refreshId = await catalog.startRefresh(client, { view: name, resource: plan.resource, reason, mode });
  return { refreshId, served, obstacle };
}
