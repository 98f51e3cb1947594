import { liveState, trimOutbox } from '@viewmill/fhir-source';
import type { RefreshOptions } from './options.ts';

/**
 * Removes what live capture noted and no view of the resource type needs any more. The source's watermark is taken before the views
 * are looked up: a build that begins later has a higher one.
 */
export async function trimLiveOutbox({ source, target, catalog, layout, plan }: RefreshOptions): Promise<void> {
  const live = await liveState(source, catalog.schema, layout);
  if (live === null) return;
  const floor = await catalog.liveFloor(target, plan.resource, live.epoch);
  if (floor === null) return;
  await trimOutbox(source, catalog.schema, plan.resource, floor === 'none' ? live.xmin : floor);
}
