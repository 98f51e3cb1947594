import { ident } from '@viewmill/contracts';
import { createPostgresBackend, type Processor, Queue, runMigrations, Worker } from 'bullmq';
import pg from 'pg';
import sql from 'sql-template-tag';
import type { AnyFactory, Backend, JobQueue, JobWorker, JobWorkerOptions } from './backend.ts';
import type { QueueSettings } from './options.ts';
import { postgresControl } from './postgres-control.ts';
import { postgresReplies } from './postgres-replies.ts';

/** Connections of each queue and of each worker; a worker holds one more that listens. */
const POOL_SIZE = 4;

/**
 * BullMQ on PostgreSQL, in a schema of its own, which is made here if the role may.
 * @throws the driver's error if the database cannot be reached or the schema not be made.
 */
export async function postgresBackend(url: string, settings: QueueSettings): Promise<Backend> {
  const schema = `${settings.prefix.replace(/[^A-Za-z0-9_]/g, '_')}_queue`;
  await migrate(url, schema, settings);
  const connection = { connectionString: url, schema, max: POOL_SIZE };
  const factory = createPostgresBackend as unknown as AnyFactory;
  const streams = { events: { maxLen: 1000 } };
  const replies = postgresReplies(url, schema, settings);
  const control = postgresControl(url, schema, settings);
  return {
    kind: 'postgres',
    queue: (name) => new Queue(name, { connection, streams }, factory) as unknown as JobQueue,
    worker: (name: string, processor: Processor<unknown, unknown>, options: JobWorkerOptions) =>
      new Worker(name, processor, { ...options, connection, autorun: false }, factory) as unknown as JobWorker,
    replies,
    control,
    async close() {
      await control.close();
      await replies.close();
    },
  };
}

/** BullMQ's tables and ours. Both wait for another process that is at it. */
async function migrate(url: string, schema: string, settings: QueueSettings): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: settings.connectTimeoutMs });
  client.on('error', settings.onError);
  await client.connect();
  try {
    await runMigrations(client, schema);
    await client.query('begin');
    await client.query(sql`select pg_advisory_xact_lock(hashtext(${`${schema}.viewmill_reply`}))`);
    // Unlogged: answers are worth nothing after a crash, and rows never reach the WAL.
    await client.query(sql`
      create unlogged table if not exists ${ident(schema, 'viewmill_reply')} (
        id bigint generated always as identity primary key,
        inbox uuid not null,
        frame text not null,
        created_at timestamptz not null default now()
      )`);
    await client.query('commit');
  } finally {
    await client.end();
  }
}
