export { beginSharded, concernsShards, type ShardedBuild } from './begin-sharded.ts';
export { buildShard } from './build-shard.ts';
export { cancelSharded } from './cancel-sharded.ts';
export { dropView } from './drop-view.ts';
export { finishSharded } from './finish-sharded.ts';
export type { DropOptions, Place, RefreshOptions } from './options.ts';
export { refreshTogether, type SetOptions } from './refresh-together.ts';
export { refreshView } from './refresh-view.ts';
