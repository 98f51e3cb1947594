import { mkdtempSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LocalRedis, startRedis } from '@viewmill/services';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let folder: string;
let started: LocalRedis[];

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'viewmill-services-')));
  started = [];
});

afterEach(async () => {
  for (const server of started) await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function start(): Promise<LocalRedis> {
  const server = await startRedis({ dataDir: join(folder, 'redis') });
  if (server === null) throw new Error('no redis-server');
  started.push(server);
  return server;
}

async function using<T>(server: LocalRedis, use: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(server.url, { retryStrategy: () => null });
  client.on('error', () => undefined);
  try {
    return await use(client);
  } finally {
    client.disconnect();
  }
}

// The one test that needs no server: it finds none.
describe('startRedis without a redis-server', () => {
  it('gives null', async () => {
    const path = process.env.PATH;
    process.env.PATH = folder;
    try {
      expect(await startRedis({ dataDir: join(folder, 'redis') })).toBeNull();
    } finally {
      process.env.PATH = path;
    }
  });
});

const installed = await startRedisOnce();

async function startRedisOnce(): Promise<boolean> {
  const place = mkdtempSync(join(tmpdir(), 'viewmill-services-'));
  const server = await startRedis({ dataDir: join(place, 'redis'), throwaway: true });
  await server?.stop();
  rmSync(place, { recursive: true, force: true });
  return server !== null;
}

describe.runIf(installed)('startRedis', () => {
  it('keeps data, port and password from one start to the next', async () => {
    const first = await start();
    await using(first, (client) => client.set('kept', '42'));
    await first.stop();
    await expect(using(first, (client) => client.get('kept'))).rejects.toThrow();
    const second = await start();
    expect(second).toMatchObject({ url: first.url, reused: false });
    expect(await using(second, (client) => client.get('kept'))).toBe('42');
    await second.stop();
    await second.stop();
  });

  it('never drops keys, and asks for a password that only its owner can read', async () => {
    const server = await start();
    expect(await using(server, (client) => client.config('GET', 'maxmemory-policy'))).toEqual(['maxmemory-policy', 'noeviction']);
    expect(await using(server, (client) => client.config('GET', 'bind'))).toEqual(['bind', '127.0.0.1']);
    for (const file of ['redis.json', join('redis', 'redis.conf')]) expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
    const open = new URL(server.url);
    open.password = '';
    await expect(using({ ...server, url: open.href }, (client) => client.get('kept'))).rejects.toThrow();
  });

  it('uses a server that still runs on the folder', async () => {
    const left = await start();
    const next = await start();
    expect(next).toMatchObject({ url: left.url, reused: true });
  });

  it('recovers after the server was killed', async () => {
    const first = await start();
    // Redis answers after it has written to the file: a kill of the process does not lose it.
    await using(first, (client) => client.set('kept', '42'));
    process.kill(Number(readFileSync(join(folder, 'redis', 'redis.pid'), 'utf8')), 'SIGKILL');
    const second = await start();
    expect(second.reused).toBe(false);
    expect(await using(second, (client) => client.get('kept'))).toBe('42');
  });
});
