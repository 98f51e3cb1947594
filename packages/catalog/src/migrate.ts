import { ident, ViewmillError } from '@viewmill/contracts';
import type { Pool, PoolClient } from 'pg';
import sql from 'sql-template-tag';
import { lockKey } from './lock-key.ts';
import { MIGRATIONS, type Migration } from './migrations/index.ts';
import { onlyRow, withClient } from './queryable.ts';
import { prepareReader } from './reader-role.ts';
import { table } from './tables.ts';

export interface MigrateOptions {
  readonly schema: string;
  /** Setting READER_ROLE; empty: no role is made. */
  readonly readerRole: string;
}

export interface MigrateResult {
  /** Versions that were applied now. */
  readonly applied: readonly number[];
  /** For the log: what could not be done and what follows. */
  readonly notices: readonly string[];
}

const LOCK_SPACE = 0x766d_0001;

/**
 * Creates or upgrades the schema and prepares the reader role. Any number of processes may call it at once:
 * an advisory lock lets one work and the others find it done.
 * @throws ViewmillError VM3013 if the schema was written by a newer version of this program, VM3002 if it may not be created.
 */
export function migrate(pool: Pool, { schema, readerRole }: MigrateOptions): Promise<MigrateResult> {
  return withClient(pool, async (client) => {
    const lock = sql`${LOCK_SPACE}::int, ${lockKey(schema)}::int`;
    await client.query(sql`select pg_advisory_lock(${lock})`);
    try {
      const applied = await applyAll(client, schema);
      return { applied, notices: await prepareReader(client, schema, readerRole) };
    } finally {
      await client.query(sql`select pg_advisory_unlock(${lock})`).catch(() => undefined);
    }
  });
}

async function applyAll(client: PoolClient, schema: string): Promise<readonly number[]> {
  await ensureSchema(client, schema);
  const migrations = table(schema, '_migration');
  await client.query(sql`create table if not exists ${migrations} (
    version integer primary key, name text not null, applied_at timestamptz not null default now())`);
  const { version } = onlyRow(
    await client.query<{ version: number }>(sql`select coalesce(max(version), 0) as version from ${migrations}`),
  );
  const newest = MIGRATIONS.at(-1)?.version ?? 0;
  if (version > newest) {
    throw new ViewmillError('VM3013', `schema ${schema} has version ${version}; this program knows versions up to ${newest}`, {
      at: schema,
    });
  }
  const pending = MIGRATIONS.filter((migration) => migration.version > version);
  for (const migration of pending) await apply(client, schema, migration);
  return pending.map((migration) => migration.version);
}

async function apply(client: PoolClient, schema: string, { version, name, statements }: Migration): Promise<void> {
  await client.query('begin');
  try {
    for (const statement of statements(schema)) await client.query(statement);
    await client.query(sql`insert into ${table(schema, '_migration')} (version, name) values (${version}, ${name})`);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}

/** `create schema if not exists` asks for the right to create one even where it exists. */
async function ensureSchema(client: PoolClient, schema: string): Promise<void> {
  const { exists } = onlyRow(
    await client.query<{ exists: boolean }>(
      sql`select exists (select from pg_catalog.pg_namespace where nspname = ${schema}) as exists`,
    ),
  );
  if (exists) return;
  try {
    await client.query(sql`create schema ${ident(schema)}`);
  } catch (error) {
    if ((error as { code?: string }).code !== '42501') throw error;
    throw new ViewmillError('VM3002', `schema ${schema} does not exist and this user may not create it`, {
      at: schema,
      cause: error,
    });
  }
}
