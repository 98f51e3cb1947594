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
  const embedded = once(async () => {
    await mkdir(dataDir, { recursive: true });
    const postgres = await startPostgres({ dataDir: join(dataDir, 'postgres'), log: note });
    stops.push(postgres.stop);
    return postgres;
  });
  try {
    const found = await startDatabase(settings, embedded, log);
    const queue = await startQueue(settings, { dataDir, note, stops, embedded });
    return {
      settings: { ...settings, ...found.settings, ...queue.settings },
      database: found.described,
      queue: queue.described,
      dataDir: stops.length > 0 ? dataDir : null,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Starting {
  readonly dataDir: string;
  readonly note: (line: string) => void;
  readonly stops: (() => Promise<void>)[];
  readonly embedded: () => Promise<Postgres>;
}

type Postgres = Awaited<ReturnType<typeof startPostgres>>;

interface Place {
  readonly settings: Partial<Settings>;
  readonly described: string;
}

/** The runner `memory` keeps nothing but its catalog in a database; the others get the demo where no FHIR database is named. */
async function startDatabase(settings: Settings, embedded: Starting['embedded'], log: Logger): Promise<Place> {
  const inMemory = settings.VIEWDEF_RUNNER === 'memory';
  if (inMemory && settings.CATALOG_DATABASE_URL !== undefined) return { settings: {}, described: 'CATALOG_DATABASE_URL' };
  if (settings.DATABASE_URL !== undefined) return { settings: {}, described: 'DATABASE_URL' };
  const postgres = await embedded();
  const url = inMemory ? postgres.url('postgres') : await demoDatabase(postgres, log);
  return { settings: inMemory ? { CATALOG_DATABASE_URL: url } : { DATABASE_URL: url }, described: url };
}

/** Redis by its URL, else a redis-server of ours, else the embedded PostgreSQL: never the FHIR database that somebody else runs. */
async function startQueue(settings: Settings, { dataDir, note, stops, embedded }: Starting): Promise<Place> {
  if (settings.REDIS_URL !== undefined) return { settings: {}, described: 'Redis (REDIS_URL)' };
  if (settings.QUEUE_DATABASE_URL !== undefined) return { settings: {}, described: 'PostgreSQL (QUEUE_DATABASE_URL)' };
  await mkdir(dataDir, { recursive: true });
  const redis = await startRedis({ dataDir: join(dataDir, 'redis'), log: note });
  if (redis !== null) {
    stops.push(redis.stop);
    return { settings: { REDIS_URL: redis.url }, described: 'Redis (redis-server, private port)' };
  }
  const { url } = await embedded();
  return {
    settings: { QUEUE_DATABASE_URL: url('postgres') },
    described: 'embedded PostgreSQL (no REDIS_URL, and no redis-server on PATH)',
  };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/**
 * The demo database is loaded under another name and renamed when it is complete: a start that was interrupted
 * leaves nothing that looks like a database.
 */
async function demoDatabase(postgres: Postgres, log: Logger): Promise<string> {
  await ensureDemo(postgres.url('postgres'), postgres.url(DEMO_DATABASE), log);
  return postgres.url(DEMO_DATABASE);
}

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
