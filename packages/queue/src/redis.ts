import { randomUUID } from 'node:crypto';
import { createRedisBackend, Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import type { AnyFactory, Backend, JobQueue, JobWorker } from './backend.ts';
import type { QueueSettings } from './options.ts';
import { REPLY_KEEP_SECONDS, type ReplyChannel } from './reply-channel.ts';
import { beforeTimeout } from './within.ts';

/** Seconds a read blocks; short enough that a connection lost without a word is noticed. */
const BLOCK_SECONDS = 5;

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
  const { prefix } = settings;
  return {
    kind: 'redis',
    queue: (name) => new Queue(name, { connection: producer, prefix, streams }, factory) as unknown as JobQueue,
    worker: (name, processor, options) =>
      new Worker(name, processor, { ...options, connection: { url }, prefix, autorun: false }, factory) as unknown as JobWorker,
    replies,
    async close() {
      await replies.close();
      producer.disconnect();
    },
  };
}

/**
 * The inbox is a list: unlike a publication it waits for a reader that is reconnecting, and unlike a stream nothing is left when it is read.
 * Pushed at the left and popped at the right, each with a new expiry.
 */
function redisReplies(url: string, settings: QueueSettings): ReplyChannel {
  const inbox = `${settings.prefix}:reply:${randomUUID()}`;
  const connect = (): Redis => {
    const redis = new Redis(url, { maxRetriesPerRequest: null });
    redis.on('error', settings.onError);
    return redis;
  };
  let writer: Redis | undefined;
  let reader: Redis | undefined;
  let reading: Promise<void> = Promise.resolve();
  let closed = false;

  async function read(redis: Redis, deliver: (frame: string) => void): Promise<void> {
    while (!closed) {
      try {
        const popped = await redis.brpop(inbox, BLOCK_SECONDS);
        if (popped !== null) deliver(popped[1]);
      } catch (error) {
        if (closed) return;
        settings.onError(error);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
  }

  return {
    inbox,
    listen(deliver) {
      reader = connect();
      reading = read(reader, deliver);
    },
    async send(to, frame) {
      writer ??= connect();
      const outcome = await writer.multi().lpush(to, frame).expire(to, REPLY_KEEP_SECONDS).exec();
      const failed = outcome?.find(([error]) => error !== null)?.[0];
      if (failed) throw failed;
    },
    async close() {
      if (closed) return;
      closed = true;
      reader?.disconnect();
      await reading;
      writer?.disconnect();
    },
  };
}
