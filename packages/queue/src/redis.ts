import { createRedisBackend, Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import type { AnyFactory, Backend, JobQueue, JobWorker } from './backend.ts';
import type { QueueSettings } from './options.ts';
import { redisControl, redisReplies } from './redis-channels.ts';
import { beforeTimeout } from './within.ts';

/**
 * BullMQ on Redis. Commands wait for a lost connection to come back; callers have their own time-outs.
 * @throws Error if the server is not ready within `connectTimeoutMs`.
 */
export async function redisBackend(url: string, settings: QueueSettings): Promise<Backend> {
  // The producers' connection is made here rather than by BullMQ, whose own cannot be given up before it has been ready once.
  const producer = new Redis(url, { maxRetriesPerRequest: null });
  producer.on('error', settings.onError);
  try {
    await beforeTimeout(new Promise<void>((resolve) => producer.once('ready', resolve)), settings.connectTimeoutMs);
  } catch (error) {
    producer.disconnect();
    throw error;
  }
  const factory = createRedisBackend as unknown as AnyFactory;
  const streams = { events: { maxLen: 1000 } };
  const replies = redisReplies(url, settings);
  const control = redisControl(url, producer, settings);
  const { prefix } = settings;
  return {
    kind: 'redis',
    queue: (name) => new Queue(name, { connection: producer, prefix, streams }, factory) as unknown as JobQueue,
    worker: (name, processor, options) =>
      new Worker(name, processor, { ...options, connection: { url }, prefix, autorun: false }, factory) as unknown as JobWorker,
    replies,
    control,
    async close() {
      control.close();
      await replies.close();
      producer.disconnect();
    },
  };
}
