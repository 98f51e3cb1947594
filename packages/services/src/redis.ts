import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, realpathSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { ViewmillError } from '@viewmill/contracts';
import { Redis } from 'ioredis';
import { freePort, isPortFree } from './free-port.ts';
import { poll, run, serverEnvironment } from './processes.ts';
import { randomPassword, readState, writeState } from './state-file.ts';

export interface StartRedisOptions {
  /** Folder of the append-only file; password and port are kept beside it in `<dataDir>.json` (mode 0600). */
  readonly dataDir: string;
  readonly log?: (message: string) => void;
  /** For tests: nothing is written to disk. */
  readonly throwaway?: boolean;
}

export interface LocalRedis {
  /** Connection URL, with the password. */
  readonly url: string;
  /** Writes what is due and stops the server; the data stays. */
  stop(): Promise<void>;
  /** Whether the server was running already. */
  readonly reused: boolean;
}

const START_TIMEOUT_MS = 30_000;
/** BullMQ asks for 6.2 or later. */
const OLDEST = [6, 2] as const;

/**
 * Starts the `redis-server` on PATH as a daemon in a session of its own (a Ctrl-C does not reach it), on 127.0.0.1, with a random
 * password and an append-only file: jobs survive. A server that still runs on the folder is taken over.
 * @returns null if there is no redis-server on PATH, or it is too old.
 * @throws ViewmillError VM3012 with the reason.
 */
export async function startRedis(options: StartRedisOptions): Promise<LocalRedis | null> {
  const log = options.log ?? (() => {});
  if (!(await hasRedisServer(log))) return null;
  const asked = resolve(options.dataDir);
  await mkdir(asked, { recursive: true, mode: 0o700 });
  const dataDir = realpathSync(asked);
  const state = readState(asked) ?? { user: 'default', password: randomPassword(), port: undefined };

  if (state.port !== undefined && (await servesFolder(urlOf(state.port, state.password), dataDir))) {
    log(`Redis was still running on 127.0.0.1:${state.port} and is used`);
    return handle(state.port, state.password, true);
  }
  for (let attempt = 1; ; attempt += 1) {
    const port = attempt === 1 && state.port !== undefined && (await isPortFree(state.port)) ? state.port : await freePort();
    // Before the start: if this process is killed in between, the next one finds the server.
    writeState(asked, { ...state, port });
    if (await launch(dataDir, port, state.password, options.throwaway === true)) {
      log(`Redis listens on 127.0.0.1:${port}`);
      return handle(port, state.password, false);
    }
    const reason = lastLines(join(dataDir, 'server.log'));
    if (attempt === 3 || !/Address already in use|bind/i.test(reason))
      throw new ViewmillError('VM3012', `redis-server did not start: ${reason || 'no reason given'}`);
  }
}

async function hasRedisServer(log: (message: string) => void): Promise<boolean> {
  const { code, output } = await run('redis-server', ['--version']);
  if (code !== 0) return false;
  const [, major, minor] = /v=(\d+)\.(\d+)/.exec(output) ?? [];
  const known = Number(major) > OLDEST[0] || (Number(major) === OLDEST[0] && Number(minor) >= OLDEST[1]);
  if (!known) log(`the redis-server on PATH is older than ${OLDEST.join('.')} and is not used`);
  return known;
}

/** @returns whether the server came up; false: it ended before that. */
async function launch(dataDir: string, port: number, password: string, throwaway: boolean): Promise<boolean> {
  const config = join(dataDir, 'redis.conf');
  // A file, not arguments: every user of the machine can read a command line.
  await writeFile(
    config,
    [
      'bind 127.0.0.1',
      `port ${port}`,
      `requirepass ${password}`,
      `dir ${JSON.stringify(dataDir)}`,
      `appendonly ${throwaway ? 'no' : 'yes'}`,
      'appendfsync everysec',
      'save ""',
      // A queue must never lose keys to make room.
      'maxmemory-policy noeviction',
      `pidfile ${JSON.stringify(join(dataDir, 'redis.pid'))}`,
      'daemonize no',
      '',
    ].join('\n'),
    { mode: 0o600 },
  );
  const logFile = openSync(join(dataDir, 'server.log'), 'w', 0o600);
  const child = spawn('redis-server', [config], {
    cwd: dataDir,
    env: serverEnvironment(),
    detached: true,
    stdio: ['ignore', logFile, logFile],
  });
  closeSync(logFile);
  let ended = false;
  child.once('exit', () => {
    ended = true;
  });
  child.once('error', () => {
    ended = true;
  });
  child.unref();
  const up = await poll(START_TIMEOUT_MS, async () =>
    ended ? false : (await servesFolder(urlOf(port, password), dataDir)) ? true : null,
  );
  if (up === null) throw new ViewmillError('VM3012', 'redis-server runs but does not answer');
  return up;
}

function handle(port: number, password: string, reused: boolean): LocalRedis {
  const url = urlOf(port, password);
  const stop = async (): Promise<void> => {
    await withClient(url, (client) => client.shutdown()).catch(() => undefined); // the server answers by closing the connection
    const gone = await poll(START_TIMEOUT_MS, async () => ((await refuses(port)) ? true : null));
    if (gone === null) throw new ViewmillError('VM3012', `redis-server on 127.0.0.1:${port} does not stop`);
  };
  return { url, stop, reused };
}

/** Whether a Redis with our password and our folder answers there. False for anything else, and while it is loading. */
async function servesFolder(url: string, dataDir: string): Promise<boolean> {
  try {
    const answer = await withClient(url, (client) => client.config('GET', 'dir'));
    return Array.isArray(answer) && answer[1] === dataDir;
  } catch {
    return false;
  }
}

async function withClient<T>(url: string, use: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url, {
    lazyConnect: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    connectTimeout: 2000,
    commandTimeout: 5000,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    return await use(client);
  } finally {
    client.disconnect();
  }
}

function refuses(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      done(false);
    });
    socket.once('error', () => done(true));
  });
}

function urlOf(port: number, password: string): string {
  return `redis://:${encodeURIComponent(password)}@127.0.0.1:${port}`;
}

function lastLines(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').slice(-3).join(' ') : '';
}
