import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { freePort, type LocalPostgres, type StartPostgresOptions, startPostgres } from '@viewmill/services';
import { until } from '@viewmill/testkit';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeSharedLibraryLinks } from '../src/postgres-binaries.ts';

let folder: string;
let started: LocalPostgres[] = [];

function makeFolder(): void {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'viewmill-services-')));
  chmodSync(folder, 0o711); // as root, PostgreSQL runs as another user
}

function removeFolder(): void {
  rmSync(folder, { recursive: true, force: true });
}

afterEach(async () => {
  for (const server of started) await server.stop();
  started = [];
});

async function start(options: Partial<StartPostgresOptions> = {}): Promise<LocalPostgres> {
  const server = await startPostgres({ dataDir: join(folder, 'pg'), throwaway: true, ...options });
  started.push(server);
  return server;
}

async function query<T>(server: LocalPostgres, text: string): Promise<readonly T[]> {
  const client = new pg.Client({ connectionString: server.url('postgres') });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(text)).rows as T[];
  } finally {
    await client.end();
  }
}

const pidOf = (server: LocalPostgres): number =>
  Number.parseInt(readFileSync(join(server.dataDir, 'postmaster.pid'), 'utf8'), 10);

// One cluster for all of these: initdb takes most of the time.
describe('startPostgres', () => {
  beforeAll(makeFolder);
  afterAll(removeFolder);

  it('keeps data, port and password from one start to the next', async () => {
    const first = await start();
    expect(first).toMatchObject({ fresh: true, reused: false });
    await query(first, 'create table kept as select 42 as answer');
    await first.stop();
    await expect(query(first, 'select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    const second = await start();
    expect(second).toMatchObject({ fresh: false, reused: false });
    expect(second.url('x')).toBe(first.url('x'));
    expect(await query(second, 'select answer from kept')).toEqual([{ answer: 42 }]);
    await second.stop();
    await second.stop();
  });

  it('is UTF-8 and the same on every machine, listens on 127.0.0.1 with a password only its owner can read', async () => {
    const server = await start();
    const settings = await query(
      server,
      `select name, setting from pg_settings where name in ('listen_addresses', 'server_encoding', 'TimeZone', 'unix_socket_directories') order by name collate "C"`,
    );
    expect(settings.map((row) => Object.values(row as object))).toEqual([
      ['TimeZone', 'UTC'],
      ['listen_addresses', '127.0.0.1'],
      ['server_encoding', 'UTF8'],
      ['unix_socket_directories', ''],
    ]);
    expect(await query(server, `select datlocprovider, datlocale from pg_database where datname = 'template0'`)).toEqual([
      { datlocprovider: 'b', datlocale: 'C.UTF-8' },
    ]);
    expect(statSync(join(folder, 'pg.json')).mode & 0o777).toBe(0o600);
    const wrong = new URL(server.url('postgres'));
    wrong.password = 'wrong';
    await expect(new pg.Client({ connectionString: wrong.href }).connect()).rejects.toMatchObject({ code: '28P01' });
  });

  it('uses a server that still runs on the folder', async () => {
    const left = await start();
    const next = await start();
    expect(next).toMatchObject({ fresh: false, reused: true, dataDir: left.dataDir });
    expect(pidOf(next)).toBe(pidOf(left));
    await query(next, 'select 1');
  });

  it('recovers after the server was killed', async () => {
    const first = await start({ throwaway: false }); // nothing that was committed may be missing
    await query(first, 'create table survived as select 42 as answer');
    process.kill(pidOf(first), 'SIGKILL');
    const second = await start();
    expect(second.reused).toBe(false);
    expect(await query(second, 'select answer from survived')).toEqual([{ answer: 42 }]);
  });

  it('is not misled by another process that got the number of a killed server', async () => {
    const first = await start();
    const file = join(first.dataDir, 'postmaster.pid');
    const lines = readFileSync(file, 'utf8').split('\n');
    await first.stop();
    const as = statSync(first.dataDir);
    const other = spawn('sleep', ['60'], { uid: as.uid, gid: as.gid, stdio: 'ignore' });
    try {
      writeFileSync(file, [String(other.pid), ...lines.slice(1)].join('\n'));
      expect((await start()).reused).toBe(false);
    } finally {
      other.kill();
    }
  });

  it('is in a session of its own, which a Ctrl-C in the terminal does not reach, and leaves no signal handlers', async () => {
    const before = ['SIGINT', 'SIGTERM', 'SIGHUP', 'exit'].map((event) => process.listenerCount(event));
    const server = await start();
    expect(['SIGINT', 'SIGTERM', 'SIGHUP', 'exit'].map((event) => process.listenerCount(event))).toEqual(before);
    const session = (pid: number | 'self'): string | undefined =>
      / [A-Z] \d+ \d+ (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1];
    if (process.platform === 'linux') expect(session(pidOf(server))).not.toBe(session('self'));
  });

  it('takes another port when the last one is in use, and says so when the one asked for is', async () => {
    const first = await start();
    const port = Number(new URL(first.url('postgres')).port);
    await first.stop();
    const squatter = createServer().listen(port, '127.0.0.1');
    try {
      await until(() => squatter.listening);
      const second = await start();
      expect(Number(new URL(second.url('postgres')).port)).not.toBe(port);
      await second.stop();
      await expect(start({ port })).rejects.toMatchObject({
        code: 'VM3011',
        message: expect.stringContaining('Address already in use'),
      });
    } finally {
      squatter.close();
    }
    const chosen = await freePort();
    expect(new URL((await start({ port: chosen })).url('postgres')).port).toBe(String(chosen));
  });
});

describe('the data folder of startPostgres', () => {
  beforeEach(makeFolder);
  afterEach(removeFolder);

  it('begins anew after an initdb that was killed, but touches no folder that holds something else', async () => {
    mkdirSync(join(folder, 'pg.new'));
    writeFileSync(join(folder, 'pg.new', 'PG_VERSION'), '18');
    expect((await start()).fresh).toBe(true);
    mkdirSync(join(folder, 'mine'));
    writeFileSync(join(folder, 'mine', 'thesis.txt'), '');
    await expect(start({ dataDir: join(folder, 'mine') })).rejects.toMatchObject({ code: 'VM3011' });
    expect(existsSync(join(folder, 'mine', 'thesis.txt'))).toBe(true);
  });

  it('refuses data of another major version, and data whose password is lost', async () => {
    const first = await start();
    await first.stop();
    const version = join(first.dataDir, 'PG_VERSION');
    writeFileSync(version, '15\n');
    await expect(start()).rejects.toMatchObject({ code: 'VM3011', message: expect.stringContaining('PostgreSQL 15') });
    writeFileSync(version, '18\n');
    rmSync(join(folder, 'pg.json'));
    await expect(start()).rejects.toMatchObject({ code: 'VM3011', message: expect.stringContaining('pg.json') });
  });

  it.runIf(userInfo().uid === 0)('as root, keeps the data elsewhere when its user cannot reach the folder', async () => {
    chmodSync(folder, 0o700);
    const said: string[] = [];
    const first = await start({ log: (message) => said.push(message) });
    try {
      expect(readlinkSync(join(folder, 'pg'))).toBe(first.dataDir);
      expect(first.dataDir).toMatch(/^\/var\/lib\/viewmill\/postgres-/);
      expect(said.join()).toContain(first.dataDir);
      await query(first, 'create table kept as select 42 as answer');
      await first.stop();
      const second = await start();
      expect(second).toMatchObject({ fresh: false, dataDir: first.dataDir });
      expect(await query(second, 'select answer from kept')).toEqual([{ answer: 42 }]);
      await second.stop();
    } finally {
      rmSync(dirname(first.dataDir), { recursive: true, force: true });
    }
    // The link dangles now.
    const third = await start();
    expect(third.fresh).toBe(true);
    await third.stop();
    rmSync(dirname(third.dataDir), { recursive: true, force: true });
  });
});

describe('makeSharedLibraryLinks', () => {
  beforeEach(makeFolder);
  afterEach(removeFolder);

  it('makes the links that an install script left out would have made', () => {
    mkdirSync(join(folder, 'native', 'lib'), { recursive: true });
    writeFileSync(join(folder, 'native', 'lib', 'libpq.so.5.18'), 'library');
    writeFileSync(
      join(folder, 'native', 'pg-symlinks.json'),
      JSON.stringify([{ source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so.5' }]),
    );
    makeSharedLibraryLinks(folder);
    makeSharedLibraryLinks(folder);
    expect(readlinkSync(join(folder, 'native', 'lib', 'libpq.so.5'))).toBe('libpq.so.5.18');
    expect(readFileSync(join(folder, 'native', 'lib', 'libpq.so.5'), 'utf8')).toBe('library');
  });
});
