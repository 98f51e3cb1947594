export { COMPRESSED_LIMIT_BYTES, compressedResources, hasCompressed } from './compressed.ts';
export { type CompressedTexts, currentResources, isCompressedMissing } from './current-resources.ts';
export { indexHolds, readIndexCoverage } from './index-coverage.ts';
export { type IndexCoverage, restrictToDates, restrictToTokens } from './index-restrictions.ts';
export { findIndexedElement, type IndexedElement } from './indexed-element.ts';
export { type InstantRange, instantRange } from './instant-range.ts';
export { detectHapi, type HapiLayout } from './layout.ts';
export { readLinkCoverage } from './link-coverage.ts';
export type { Queryable } from './queryable.ts';
export {
  decodeResources,
  type ReadOptions,
  type ResourceBatch,
  readResourceBlocks,
  readResources,
  type SourceResource,
} from './read-resources.ts';
export {
  type LinkCoverage,
  type RangeOperator,
  restrictedIds,
  restrictToIds,
  restrictToTargets,
  restrictToUpdated,
} from './restrictions.ts';
export { searchHash } from './search-hash.ts';
export type { SourceNeeds } from './source-needs.ts';
export { type SourceState, sourceState } from './source-state.ts';
