import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres, startRedis } from '@viewmill/services';
import { Redis } from 'ioredis';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { isCi, type RunContext } from './run-context.ts';

const FOLDER_PREFIX = 'viewmill-test-';
const teardowns: (() => Promise<void>)[] = [];

/** Starts one PostgreSQL and one Redis for the whole run. Named export: vitest calls `setup` and `teardown`. */
export async function setup(project: TestProject): Promise<void> {
  const parent = temporaryParent();
  removeLeftovers(parent);
  const folder = mkdtempSync(join(parent, FOLDER_PREFIX));
  chmodSync(folder, 0o711); // as root, PostgreSQL runs as another user
  writeFileSync(join(folder, 'owner'), String(process.pid));
  teardowns.push(async () => rmSync(folder, { recursive: true, force: true }));

  const run = randomBytes(3).toString('hex');
  const leftOutFile = join(folder, 'left-out');
  teardowns.push(async () => printLeftOut(leftOutFile));
  try {
    const [postgres, redis] = await Promise.all([providePostgres(folder, run), provideRedis(folder, run)]);
    if (isCi() && postgres.url === null) throw new Error(`CI needs PostgreSQL: ${postgres.missing}`);
    if (isCi() && redis.url === null) throw new Error(`CI needs Redis: ${redis.missing}`);
    const context: RunContext = {
      run,
      postgresUrl: postgres.url,
      postgresMissing: postgres.missing,
      redisUrl: redis.url,
      redisMissing: redis.missing,
      leftOutFile,
    };
    project.provide('viewmill', context);
  } catch (error) {
    await teardown().catch(() => undefined);
    throw error;
  }
}

/** Ends everything, last started first, whatever fails in between. */
export async function teardown(): Promise<void> {
  const failures: unknown[] = [];
  for (const end of teardowns.splice(0).reverse()) await end().catch((error: unknown) => failures.push(error));
  if (failures.length > 0)
    throw failures.length === 1 ? failures[0] : new AggregateError(failures, failures.map(String).join('; '));
}

interface Provided {
  readonly url: string | null;
  readonly missing: string;
}

async function providePostgres(folder: string, run: string): Promise<Provided> {
  const given = process.env.DATABASE_URL;
  if (given !== undefined && given !== '') {
    teardowns.push(() => dropDatabases(given, run));
    return { url: given, missing: '' };
  }
  try {
    const postgres = await startPostgres({ dataDir: join(folder, 'postgres'), throwaway: true });
    teardowns.push(() => postgres.stop());
    const url = postgres.url('postgres');
    teardowns.push(() => dropDatabases(url, run));
    return { url, missing: '' };
  } catch (error) {
    return { url: null, missing: String(error) };
  }
}

async function provideRedis(folder: string, run: string): Promise<Provided> {
  const given = process.env.REDIS_URL;
  if (given !== undefined && given !== '') {
    teardowns.push(() => removeKeys(given, run));
    return { url: given, missing: '' };
  }
  const local = await startRedis({ dataDir: join(folder, 'redis'), throwaway: true });
  if (local !== null) {
    teardowns.push(() => local.stop());
    return { url: local.url, missing: '' };
  }
  return containerRedis();
}

async function containerRedis(): Promise<Provided> {
  const missing = 'no REDIS_URL, no redis-server on PATH, no container engine that answers';
  try {
    const { GenericContainer, getContainerRuntimeClient } = await import('testcontainers');
    await getContainerRuntimeClient(); // throws at once where no engine answers
    const container = await new GenericContainer('redis:7-alpine').withExposedPorts(6379).start();
    teardowns.push(async () => {
      await container.stop();
    });
    return { url: `redis://${container.getHost()}:${container.getMappedPort(6379)}`, missing: '' };
  } catch {
    return { url: null, missing };
  }
}

/** Drops the run's templates. A database that is none was never closed by its test, which is a fault of the test. */
async function dropDatabases(url: string, run: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string; template: boolean; made_by: string | null }>(
      `select datname as name, datname like $1 || 'tpl\\_%' as template, shobj_description(oid, 'pg_database') as made_by
         from pg_database where datname like $1 || '%'`,
      [`vmtest\\_${run}\\_`],
    );
    for (const { name } of rows) await client.query(`drop database if exists ${client.escapeIdentifier(name)} with (force)`);
    const open = rows.filter(({ template }) => !template);
    if (open.length > 0)
      throw new Error(`test databases never closed: ${open.map(({ name, made_by }) => `${name} of ${made_by}`).join(', ')}`);
  } finally {
    await client.end();
  }
}

async function removeKeys(url: string, run: string): Promise<void> {
  const client = new Redis(url);
  try {
    for await (const keys of client.scanStream({ match: `vmtest:${run}:*`, count: 1000 })) {
      if (Array.isArray(keys) && keys.length > 0) await client.unlink(...(keys as string[]));
    }
  } finally {
    client.disconnect();
  }
}

/** Memory where there is plenty of it: a test run writes some hundred megabytes that nobody keeps. */
function temporaryParent(): string {
  try {
    const { bavail, bsize } = statfsSync('/dev/shm');
    if (bavail * bsize > 2 * 1024 ** 3) return '/dev/shm';
  } catch {
    // no /dev/shm on this system
  }
  return tmpdir();
}

/** A run that was killed could not clean up: its servers and its folder go now. */
function removeLeftovers(parent: string): void {
  for (const name of readdirSync(parent).filter((entry) => entry.startsWith(FOLDER_PREFIX))) {
    const folder = join(parent, name);
    const owner = numberIn(join(folder, 'owner'));
    if (owner === null || isAlive(owner)) continue;
    const server = numberIn(join(folder, 'postgres', 'postmaster.pid'));
    const redis = numberIn(join(folder, 'redis', 'redis.pid'));
    for (const pid of [server, redis]) if (pid !== null && worksIn(pid, folder)) process.kill(pid, 'SIGINT');
    rmSync(folder, { recursive: true, force: true });
  }
}

function numberIn(file: string): number | null {
  try {
    const number = Number.parseInt(readFileSync(file, 'utf8'), 10);
    return Number.isNaN(number) ? null : number;
  } catch {
    return null;
  }
}

/** Whether the process's working directory is in the folder: the number in an old file may be another process's by now. */
function worksIn(pid: number, folder: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/cwd`).startsWith(`${folder}/`);
  } catch {
    return false;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function printLeftOut(file: string): void {
  if (!existsSync(file)) return;
  const what = [...new Set(readFileSync(file, 'utf8').trim().split('\n'))];
  process.stderr.write(`\nLEFT OUT (CI=true would fail): ${what.join('; ')}\n`);
}
