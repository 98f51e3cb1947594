import { randomBytes } from 'node:crypto';
import { type Catalog, createCatalog, migrate } from '@viewmill/catalog';
import { type RefreshMode, ViewmillError } from '@viewmill/contracts';
import { detectHapi, type HapiLayout } from '@viewmill/fhir-source';
import { builtInViews, compileView, type ViewPlan } from '@viewmill/views';
import type pg from 'pg';
import { type RefreshOptions, refreshView } from '../src/index.ts';

export const SCHEMA = 'sqlonfhir';

/** A role of this run alone: roles belong to the whole server. */
export const READER = `vmtest_reader_${randomBytes(4).toString('hex')}`;

export interface Workshop {
  readonly catalog: Catalog;
  readonly layout: HapiLayout;
  refresh(plan: ViewPlan, options?: Partial<RefreshOptions>): ReturnType<typeof refreshView>;
}

/** @param mode of its refreshes, where the test says nothing else. */
export async function workshop(source: pg.Pool, target: pg.Pool = source, mode: RefreshMode = 'auto'): Promise<Workshop> {
  await migrate(target, { schema: SCHEMA, readerRole: READER });
  const catalog = createCatalog({ pool: target, schema: SCHEMA });
  const layout = await detectHapi(source, { schema: 'public', timeZone: 'UTC' });
  const base = { source, target, catalog, layout, readerRole: READER, reason: 'request', mode };
  return { catalog, layout, refresh: (plan, options = {}) => refreshView({ ...base, name: plan.name, plan, ...options }) };
}

export function builtIn(name: string): ViewPlan {
  const found = builtInViews().find((view) => view.name === name);
  if (found === undefined) throw new Error(`no built-in view ${name}`);
  return compileView(found.definition);
}

interface TestColumn {
  readonly name: string;
  readonly path: string;
  readonly [key: string]: unknown;
}

/** A plan of a resource's columns, beginning with `id`. */
export function viewOf(
  name: string,
  resource: string,
  columns: readonly TestColumn[],
  more: Record<string, unknown> = {},
): ViewPlan {
  return compileView({
    resourceType: 'ViewDefinition',
    name,
    resource,
    status: 'active',
    select: [{ column: [{ name: 'id', path: 'id' }, ...columns] }],
    ...more,
  });
}

export async function withClient<T>(pool: pg.Pool, use: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    return await use(client);
  } finally {
    client.release();
  }
}

export async function rowsOf(pool: pg.Pool, statement: string): Promise<readonly Record<string, unknown>[]> {
  return (await pool.query(statement)).rows as Record<string, unknown>[];
}

export function code(promise: Promise<unknown>): Promise<string | undefined> {
  return promise.then(
    () => 'no error',
    (error: unknown) => (error instanceof ViewmillError ? error.code : String(error)),
  );
}

/** Tables of generations that are there. */
export async function generationTables(pool: pg.Pool): Promise<readonly unknown[]> {
  const rows = await rowsOf(
    pool,
    `select relname from pg_class join pg_namespace n on n.oid = relnamespace where nspname = '${SCHEMA}' and relname like '\\_g%' and relkind = 'r'
       and relname not in ('_generation') order by 1`,
  );
  return rows.map(({ relname }) => relname);
}

export async function dropReader(pool: pg.Pool): Promise<void> {
  await pool.query(
    `do $$ begin if exists (select from pg_roles where rolname = '${READER}') then drop owned by ${READER}; end if; end $$`,
  );
  // Other databases of this run may still use it; the last one drops it.
  await pool.query(`drop role if exists ${READER}`).catch(() => undefined);
}
