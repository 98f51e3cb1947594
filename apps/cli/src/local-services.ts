import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Settings } from '@viewmill/contracts';
import { createDemoDatabase } from '@viewmill/demo';
import type { Logger } from '@viewmill/observability';
import { startPostgres, startRedis } from '@viewmill/services';
import pg from 'pg';

export interface LocalServices {
  /** The settings with the addresses of what was started filled in. */
  readonly settings: Settings;
  readonly database: string;
  readonly queue: string;
  readonly dataDir: string | null;
  /** Last of all: everything that uses the services has ended. */
  readonly stop: () => Promise<void>;
}

const DEMO_DATABASE = 'fhir';

/** Starts what the settings do not name: an embedded PostgreSQL with demo data, a Redis. */
export async function startLocalServices(settings: Settings, log: Logger): Promise<LocalServices> {
  const dataDir = resolve(settings.DATA_DIR);
  const stops: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const each of stops.reverse()) await each();
  };
  const note = (line: string): void => log.debug({ line }, 'service');
  try {
    let { DATABASE_URL, REDIS_URL } = settings;
    let usesFolder = false;
    if (DATABASE_URL === undefined) {
      await mkdir(dataDir, { recursive: true });
      const postgres = await startPostgres({ dataDir: join(dataDir, 'postgres'), log: note });
      stops.push(postgres.stop);
      await ensureDemo(postgres.url('postgres'), postgres.url(DEMO_DATABASE), log);
      DATABASE_URL = postgres.url(DEMO_DATABASE);
      usesFolder = true;
    }
    let queue = 'Redis (REDIS_URL)';
    if (REDIS_URL === undefined) {
      await mkdir(dataDir, { recursive: true });
      const redis = await startRedis({ dataDir: join(dataDir, 'redis'), log: note });
      if (redis === null) {
        queue = 'PostgreSQL (no REDIS_URL, and no redis-server on PATH)';
      } else {
        stops.push(redis.stop);
        REDIS_URL = redis.url;
        queue = 'Redis (redis-server, private port)';
        usesFolder = true;
      }
    }
    const database = settings.DATABASE_URL === undefined ? DATABASE_URL : 'DATABASE_URL';
    return { settings: { ...settings, DATABASE_URL, REDIS_URL }, database, queue, dataDir: usesFolder ? dataDir : null, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * The demo database is loaded under another name and renamed when it is complete: a start that was interrupted
 * leaves nothing that looks like a database.
 */
async function ensureDemo(maintenanceUrl: string, url: string, log: Logger): Promise<void> {
  const admin = new pg.Client({ connectionString: maintenanceUrl });
  await admin.connect();
  try {
    const { rowCount } = await admin.query('select from pg_database where datname = $1', [DEMO_DATABASE]);
    if (rowCount !== 0) return;
    log.info('loading the demo database (once)');
    const loading = `${DEMO_DATABASE}_loading`;
    await admin.query(`drop database if exists ${loading}`);
    await admin.query(`create database ${loading}`);
    const client = new pg.Client({ connectionString: url.replace(/\/fhir(?=\?|$)/, `/${loading}`) });
    await client.connect();
    try {
      await createDemoDatabase(client);
    } finally {
      await client.end();
    }
    await admin.query(`alter database ${loading} rename to ${DEMO_DATABASE}`);
  } finally {
    await admin.end();
  }
}
