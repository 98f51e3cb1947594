export { createRunner, type RunnerOptions } from './create-runner.ts';
export { createMemoryRunner, type MemoryRunnerOptions } from './memory/create-memory-runner.ts';
export type { ReplicaStats } from './reader.ts';
export { replicaObstacle } from './replica-identity.ts';
export type {
  CallOptions,
  CountAnswer,
  MaterializedLookup,
  MaterializedView,
  RowsAnswer,
  RunMeta,
  RunnableView,
  RunnerKind,
  RunnerStats,
  StreamAnswer,
  StreamHead,
  StreamOptions,
  ViewRunner,
} from './view-runner.ts';
