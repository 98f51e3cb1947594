export { createRunner, type RunnerOptions } from './create-runner.ts';
export { createMemoryRunner, type MemoryRunnerOptions } from './memory/create-memory-runner.ts';
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
