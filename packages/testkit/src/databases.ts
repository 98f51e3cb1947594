import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, expect } from 'vitest';
import { runContext } from './run-context.ts';
import { fillTemplate, type TemplateName } from './templates.ts';

export interface TestDatabase {
  readonly url: string;
  readonly name: string;
  /** A pool of this test's own. Every client taken from it must be given back before `close()`. */
  readonly pool: pg.Pool;
  /**
   * Drops the database.
   * @throws Error "leaked connection: …" if a session was still open, with the text of its last statement (never its parameters).
   */
  close(): Promise<void>;
}

/** How long sessions that are just ending may take. */
const GRACE_MS = 2000;

/**
 * A database of the caller's own, copied from a template that is made once per run. Close it; `useDatabase` does so by itself.
 * @throws Error if PostgreSQL is not there, or the template's source is missing.
 */
export async function testDatabase(template: TemplateName = 'empty'): Promise<TestDatabase> {
  const { postgresUrl, postgresMissing, run } = runContext();
  if (postgresUrl === null) throw new Error(`no PostgreSQL for tests: ${postgresMissing}`);
  const name = `vmtest_${run}_${randomBytes(5).toString('hex')}`;
  const madeBy = expect.getState().testPath ?? 'unknown';
  await withAdmin(async (admin) => {
    const source = template === 'empty' ? 'template0' : await ensureTemplate(admin, template);
    // FILE_COPY: 0.25 s for the HAPI dump (185 MB) where WAL_LOG, the default, takes 0.6 s.
    await admin.query(
      `create database ${admin.escapeIdentifier(name)} template ${admin.escapeIdentifier(source)} strategy file_copy`,
    );
    await admin.query(`comment on database ${admin.escapeIdentifier(name)} is ${admin.escapeLiteral(madeBy)}`);
  });
  const url = databaseUrl(postgresUrl, name);
  const pool = new pg.Pool({ connectionString: url });
  pool.on('error', () => undefined); // sessions that close() ends
  let closed: Promise<void> | undefined;
  return {
    url,
    name,
    pool,
    close: () => {
      closed ??= drop(name, pool);
      return closed;
    },
  };
}

/**
 * The same for a whole test file or `describe` block: made before its tests, dropped after them; a leaked connection fails the block.
 * The returned object can be used inside tests and hooks only.
 */
export function useDatabase(template: TemplateName = 'empty'): TestDatabase {
  let database: TestDatabase | undefined;
  beforeAll(async () => {
    database = await testDatabase(template);
  });
  afterAll(async () => {
    await database?.close();
  });
  const opened = (): TestDatabase => {
    if (database === undefined) throw new Error('useDatabase(): the database exists inside tests and hooks only');
    return database;
  };
  return {
    get url() {
      return opened().url;
    },
    get name() {
      return opened().name;
    },
    get pool() {
      return opened().pool;
    },
    close: () => opened().close(),
  };
}

async function drop(name: string, pool: pg.Pool): Promise<void> {
  // Not awaited: it waits for ever for a client that was not given back.
  const ended = pool.end().catch(() => undefined);
  const leaks = await withAdmin(async (admin) => {
    const deadline = Date.now() + GRACE_MS;
    let open = await openSessions(admin, name);
    while (open.length > 0 && Date.now() < deadline) {
      await delay(20);
      open = await openSessions(admin, name);
    }
    await admin.query(`drop database ${admin.escapeIdentifier(name)} with (force)`);
    return open;
  });
  if (leaks.length > 0) throw new Error(`leaked connection: ${leaks.join(' | ')}`);
  await ended;
}

async function openSessions(admin: pg.Client, name: string): Promise<readonly string[]> {
  const { rows } = await admin.query<{ session: string }>(
    `select concat_ws(' ', nullif(application_name, ''), state || ':', coalesce(nullif(query, ''), '(no statement)')) as session
       from pg_stat_activity where datname = $1 and backend_type = 'client backend'`,
    [name],
  );
  return rows.map(({ session }) => session);
}

/** @returns the template's name; makes it if this run has not yet. Safe across processes: an advisory lock of the maintenance database. */
async function ensureTemplate(admin: pg.Client, template: TemplateName): Promise<string> {
  const { run, postgresUrl } = runContext();
  const name = `vmtest_${run}_tpl_${template}`;
  const key = createHash('sha256').update(name).digest().readInt32BE(0);
  await admin.query('select pg_advisory_lock($1, $2)', [0x766d, key]);
  try {
    const { rowCount } = await admin.query('select from pg_database where datname = $1', [name]);
    if (rowCount === 1) return name;
    const half = `${name}_half`;
    await admin.query(`drop database if exists ${admin.escapeIdentifier(half)} with (force)`);
    await admin.query(`create database ${admin.escapeIdentifier(half)} template template0`);
    const client = new pg.Client({ connectionString: databaseUrl(postgresUrl ?? '', half) });
    await client.connect();
    try {
      await fillTemplate(template, client);
    } finally {
      await client.end();
    }
    await admin.query(`alter database ${admin.escapeIdentifier(half)} rename to ${admin.escapeIdentifier(name)}`);
    return name;
  } finally {
    await admin.query('select pg_advisory_unlock($1, $2)', [0x766d, key]);
  }
}

async function withAdmin<T>(use: (admin: pg.Client) => Promise<T>): Promise<T> {
  const admin = new pg.Client({ connectionString: runContext().postgresUrl ?? '' });
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.end();
  }
}

function databaseUrl(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}
