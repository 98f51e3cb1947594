import { type RefreshResult, ViewmillError } from '@viewmill/contracts';
import { beginSharded, concernsShards, finishSharded, type RefreshOptions } from '@viewmill/materializer';
import type { RefreshContext } from '@viewmill/queue';

export interface Splitting {
  /** Resources of a range; 0: never. */
  readonly perShard: number;
  /** Workers that are connected now, this one included; asked only where there is something to split. */
  readonly workers: () => Promise<number>;
}

/**
 * A full build of a large view: its ranges are jobs of their own, for all workers. Called again when they have ended, and whenever this
 * job is taken up again; what is done is not done twice. A second refresh of the view joins the build that is under way.
 * @returns null where there is nothing to split, or another job has finished the build meanwhile.
 */
export async function inShards(
  options: RefreshOptions,
  { perShard, workers }: Splitting,
  fanOut: RefreshContext['fanOut'],
): Promise<RefreshResult | null> {
  const concern = perShard === 0 ? null : await concernsShards(options);
  // One worker alone is faster without: its threads use the processors anyway (300 000 resources: 7.4 s, in shards 10.1 s).
  if (concern === null || (concern === 'full build' && (await workers()) < 2)) return null;
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
