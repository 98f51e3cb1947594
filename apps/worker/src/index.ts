export { checkReplicas, openDatabases } from './databases.ts';
export { textSourceOf } from './memory.ts';
export { sizePools } from './pool-sizes.ts';
export { prepareCatalog, type RunningWorker, startWorker, type WorkerOptions } from './worker.ts';
