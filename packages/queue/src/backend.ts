import type { BackendFactory, IQueueBackend, Job, Processor, Queue, Worker, WorkerOptions } from 'bullmq';
import type { ControlChannel } from './control.ts';
import type { ReplyChannel } from './reply-channel.ts';

/** A queue or worker whatever it is kept in. Job data is unknown until its schema has been applied. */
export type JobQueue = Queue<unknown, unknown, string, unknown, unknown, string, IQueueBackend, unknown>;
export type JobWorker = Worker<unknown, unknown, string, IQueueBackend>;
export type AnyJob = Job<unknown, unknown>;
export type AnyFactory = BackendFactory<IQueueBackend, unknown>;
export type JobWorkerOptions = Omit<WorkerOptions, 'connection' | 'prefix'>;

/** What Redis and PostgreSQL do differently. */
export interface Backend {
  readonly kind: 'redis' | 'postgres';
  /** The producers' side of a queue. The caller closes it. */
  queue(name: string): JobQueue;
  /** A worker that has not begun to run. The caller closes it. */
  worker(name: string, processor: Processor<unknown, unknown>, options: JobWorkerOptions): JobWorker;
  readonly replies: ReplyChannel;
  readonly control: ControlChannel;
  close(): Promise<void>;
}
