import { type RefreshResult, ViewmillError } from '@viewmill/contracts';
import { beginSharded, finishSharded, type RefreshOptions } from '@viewmill/materializer';
import type { RefreshContext } from '@viewmill/queue';

/**
 * A full build of a large view: its ranges are jobs of their own, for all workers. Called again when they have ended, and whenever this
 * job is taken up again; what is done is not done twice. A second refresh of the view joins the build that is under way.
 * @param perShard resources of a range; 0: never.
 * @returns null where there is nothing to split, or another job has finished the build meanwhile.
 */
export async function inShards(
  options: RefreshOptions,
  perShard: number,
  fanOut: RefreshContext['fanOut'],
): Promise<RefreshResult | null> {
  const build = await beginSharded(options, perShard);
  if (build === null) return null;
  const { generation, missing } = build;
  if (missing.length > 0) await fanOut(missing.map((shard) => ({ view: options.name, generation, shard })));
  try {
    return await finishSharded(options);
  } catch (error) {
    if (error instanceof ViewmillError && error.code === 'VM3050') return null;
    throw error;
  }
}
