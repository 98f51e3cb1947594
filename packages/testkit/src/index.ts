export { type ConformanceSuite, type ConformanceTest, compareRows, conformanceSuites, type Row } from './conformance.ts';
export { type TestDatabase, testDatabase, useDatabase } from './databases.ts';
export { deleteResource, metaAdd, type PutOptions, type PutOutcome, putResource } from './hapi-changes.ts';
export type { HapiTag } from './hapi-tags.ts';
export { describeWithRedis, type TestRedis, testRedis } from './redis.ts';
export type { RunContext } from './run-context.ts';
export { describeWithShared, type JsonResource, ndjson, ndjsonLines, sharedDir, sharedPath } from './shared.ts';
export { loadDump, type TemplateName } from './templates.ts';
export { until } from './until.ts';
