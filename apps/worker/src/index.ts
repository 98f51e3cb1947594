export { openDatabases } from './databases.ts';
export { prepareCatalog, type RunningWorker, startWorker, type WorkerOptions } from './worker.ts';
