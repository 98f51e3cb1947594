export { COMPRESSED_LIMIT_BYTES, compressedResources, hasCompressed } from './compressed.ts';
export { type CompressedTexts, currentResources, isCompressedMissing } from './current-resources.ts';
export { indexHolds, readIndexCoverage } from './index-coverage.ts';
export { type IndexCoverage, restrictToDates, restrictToTokens } from './index-restrictions.ts';
export { findIndexedElement, type IndexedElement } from './indexed-element.ts';
export { type InstantRange, instantRange } from './instant-range.ts';
export { currentKeys, differingKeys, keyColumns, keysHaveTags, readKeys, sourceKey } from './keys.ts';
export { detectHapi, type HapiLayout } from './layout.ts';
export { readLinkCoverage } from './link-coverage.ts';
export {
  changedSince,
  disableLive,
  enableLive,
  isEverything,
  type LiveState,
  liveScript,
  liveState,
  outboxStatus,
  trimOutbox,
} from './live/capture.ts';
export { liveChannel } from './live/triggers.ts';
export { type NdjsonOptions, ndjsonSource } from './ndjson/ndjson-source.ts';
export type { Queryable } from './queryable.ts';
export {
  decodeResources,
  type ReadOptions,
  type ResourceBatch,
  readResourceBlocks,
  readResources,
  type SourceResource,
} from './read-resources.ts';
export { patientElement } from './resource-types.ts';
export { type RestOptions, restSource } from './rest/rest-source.ts';
export type { SmartOptions } from './rest/smart.ts';
export {
  type LinkCoverage,
  type RangeOperator,
  restrictedIds,
  restrictToIds,
  restrictToMentions,
  restrictToTargets,
  restrictToUpdated,
} from './restrictions.ts';
export { isSameDatabase } from './same-database.ts';
export { searchHash } from './search-hash.ts';
export type { SourceNeeds } from './source-needs.ts';
export { type SourceState, sourceState } from './source-state.ts';
export type { Narrowing, TextBatch, TextRequest, TextSource } from './text-source.ts';
