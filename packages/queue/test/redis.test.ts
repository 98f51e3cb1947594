import { createServer } from 'node:net';
import { connectQueue } from '@viewmill/queue';
import { describeWithRedis, testRedis } from '@viewmill/testkit';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { queueContract } from './contract.ts';

describeWithRedis('the queue on Redis', () => {
  queueContract(async () => {
    const { url, prefix } = testRedis();
    return { url, options: (redisUrl) => ({ redisUrl, prefix }), contents: () => dump(url, prefix) };
  });
});

describe('a Redis that does not answer', () => {
  it('is VM3003', async () => {
    // A server that says nothing.
    const server = createServer(() => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    await expect(
      connectQueue({ redisUrl: `redis://127.0.0.1:${port}`, prefix: 'x', connectTimeoutMs: 200 }),
    ).rejects.toMatchObject({ code: 'VM3003' });
    server.close();
  });
});

async function dump(url: string, prefix: string): Promise<string> {
  const redis = new Redis(url);
  const found: unknown[] = [];
  for (const key of await redis.keys(`${prefix}:*`)) {
    const type = await redis.type(key);
    if (type === 'hash') found.push(key, await redis.hgetall(key));
    else if (type === 'list') found.push(key, await redis.lrange(key, 0, -1));
    else if (type === 'stream') found.push(key, await redis.xrange(key, '-', '+'));
    else found.push(key, type);
  }
  redis.disconnect();
  return JSON.stringify(found);
}
