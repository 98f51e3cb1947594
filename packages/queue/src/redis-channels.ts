import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import type { ControlChannel, ControlMessage } from './control.ts';
import type { QueueSettings } from './options.ts';
import { REPLY_KEEP_SECONDS, type ReplyChannel } from './reply-channel.ts';

/** Seconds a read blocks; short enough that a connection lost without a word is noticed. */
const BLOCK_SECONDS = 5;
/** Frames taken by one further read, when there is more than one. */
const TAKE = 64;
/** Frames that are sent together hold at most about so many characters: Redis keeps a command whole in memory. */
const TOGETHER = 1_000_000;

function connect(url: string, settings: QueueSettings): Redis {
  const redis = new Redis(url, { maxRetriesPerRequest: null });
  redis.on('error', settings.onError);
  return redis;
}

/**
 * The inbox is a list: unlike a publication it waits for a reader that is reconnecting, and unlike a stream nothing is left when it is read.
 * Pushed at the left and popped at the right, each with a new expiry. What is sent in one turn of the event loop is pushed at once.
 */
export function redisReplies(url: string, settings: QueueSettings): ReplyChannel {
  const inbox = `${settings.prefix}:reply:${randomUUID()}`;
  let writer: Redis | undefined;
  let reader: Redis | undefined;
  let reading: Promise<void> = Promise.resolve();
  let closed = false;
  const outgoing = new Map<string, { frames: string[]; size: number; sent: Promise<void> }>();

  async function read(redis: Redis, deliver: (frame: string) => boolean): Promise<void> {
    let more = false;
    while (!closed) {
      try {
        // Where more answers are due, one further read takes those that came meanwhile.
        const frames: string[] | null = more ? await redis.rpop(inbox, TAKE) : null;
        for (const frame of frames ?? []) deliver(frame);
        more = frames !== null && frames.length > 1;
        if (more) continue;
        const popped = await redis.brpop(inbox, BLOCK_SECONDS);
        if (popped !== null) more = deliver(popped[1]);
      } catch (error) {
        if (closed) return;
        settings.onError(error);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
  }

  async function push(to: string, frames: readonly string[]): Promise<void> {
    writer ??= connect(url, settings);
    const outcome = await writer
      .multi()
      .lpush(to, ...frames)
      .expire(to, REPLY_KEEP_SECONDS)
      .exec();
    const failed = outcome?.find(([error]) => error !== null)?.[0];
    if (failed) throw failed;
  }

  return {
    inbox,
    listen(deliver) {
      reader = connect(url, settings);
      reading = read(reader, deliver);
    },
    send(to, frame) {
      const waiting = outgoing.get(to);
      if (waiting !== undefined && waiting.size + frame.length <= TOGETHER) {
        waiting.frames.push(frame);
        waiting.size += frame.length;
        return waiting.sent;
      }
      const frames = [frame];
      const sent = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
        if (outgoing.get(to)?.frames === frames) outgoing.delete(to);
        return push(to, frames);
      });
      outgoing.set(to, { frames, size: frame.length, sent });
      return sent;
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

/** Told by publication. Each process that works has a connection that listens. */
export function redisControl(url: string, producer: Redis, settings: QueueSettings): ControlChannel & { close(): void } {
  const channel = `${settings.prefix}:control`;
  let subscriber: Redis | undefined;
  return {
    async tell(message) {
      await producer.publish(channel, JSON.stringify(message));
    },
    hear(heed) {
      if (subscriber === undefined) {
        subscriber = connect(url, settings);
        // Subscribed again by the client itself after a lost connection.
        subscriber.subscribe(channel).catch(settings.onError);
      }
      subscriber.on('message', (_channel, text: string) => heed(JSON.parse(text) as ControlMessage));
    },
    close: () => subscriber?.disconnect(),
  };
}
