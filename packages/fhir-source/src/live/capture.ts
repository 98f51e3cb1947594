import { randomUUID } from 'node:crypto';
import { ident, ViewmillError } from '@viewmill/contracts';
import type { ClientBase } from 'pg';
import type { Sql } from 'sql-template-tag';
import sql, { join } from 'sql-template-tag';
import { inlineLiterals } from '../inline-literals.ts';
import type { HapiLayout } from '../layout.ts';
import type { Queryable } from '../queryable.ts';
import {
  ANY_RESOURCE,
  captureFunction,
  concerns,
  outboxStatements,
  outboxTable,
  triggerStatements,
  triggersOf,
} from './triggers.ts';

/** Live capture as the current transaction sees it. */
export interface LiveState {
  /** Which enabling it is. */
  readonly epoch: string;
  /** Changes of transactions before this one (a 64-bit transaction id) are all visible to the current snapshot. */
  readonly xmin: string;
}

/** How long HAPI's writers may be made to wait while the triggers are made, in milliseconds; and how often that is tried. */
const LOCK_TIMEOUT_MS = 2000;
const ATTEMPTS = 10;

/**
 * Adds the outbox and the triggers. HAPI's writers are held up for the moment it takes, at most two seconds at a time.
 * @param client of a role that may create triggers on HAPI's tables and objects in the schema.
 * @param grantTo Viewmill's role, if the client's is another one.
 * @returns false if capture was on already.
 * @throws ViewmillError VM2022 if the role may not, or if the tables were busy all the time.
 */
export async function enableLive(
  client: ClientBase,
  schema: string,
  layout: HapiLayout,
  grantTo: string | null = null,
): Promise<boolean> {
  if ((await liveState(client, schema, layout)) !== null) return false;
  await attempt(client, async () => {
    await client.query(sql`create schema if not exists ${ident(schema)}`);
    await removeTriggers(client, layout);
    for (const statement of [...outboxStatements(schema, grantTo), ...triggerStatements(schema, layout, randomUUID())]) {
      // DDL takes no parameters, and none is in it.
      await client.query(statement.text);
    }
    await client.query(sql`truncate ${outboxTable(schema)}`);
  });
  return true;
}

/** Removes every trace: triggers, function, outbox; and the schema, should it be empty. @returns false if there was none. */
export async function disableLive(client: ClientBase, schema: string, layout: HapiLayout): Promise<boolean> {
  const { rows } = await client.query<{ found: boolean }>(
    sql`select to_regclass(${outboxTable(schema).text}) is not null as found`,
  );
  await attempt(client, async () => {
    await removeTriggers(client, layout);
    await client.query(sql`drop function if exists ${captureFunction(schema)}()`);
    await client.query(sql`drop table if exists ${outboxTable(schema)}`);
  });
  await client
    .query(sql`drop schema if exists ${ident(schema)} restrict`)
    // Not empty, or not ours: it stays.
    .catch(() => undefined);
  return rows[0]?.found === true;
}

/** The statements of `enableLive`, for a database administrator to run. */
export function liveScript(schema: string, layout: HapiLayout, grantTo: string): string {
  const statements = [
    sql`begin`,
    sql`create schema if not exists ${ident(schema)}`,
    ...outboxStatements(schema, grantTo),
    ...triggerStatements(schema, layout, randomUUID()),
    sql`commit`,
  ];
  return statements.map((statement) => `${inlineLiterals(statement)};\n`).join('');
}

async function removeTriggers(client: ClientBase, layout: HapiLayout): Promise<void> {
  for (const { table, names } of triggersOf(layout)) {
    for (const name of names) await client.query(sql`drop trigger if exists ${ident(name)} on ${table}`);
  }
}

async function attempt(client: ClientBase, work: () => Promise<void>): Promise<void> {
  for (let left = ATTEMPTS; ; left -= 1) {
    await client.query('begin');
    try {
      await client.query(
        sql`select set_config('lock_timeout', ${String(LOCK_TIMEOUT_MS)}, true), set_config('client_min_messages', 'warning', true)`,
      );
      await work();
      await client.query('commit');
      return;
    } catch (error) {
      await client.query('rollback');
      const { code } = error as { code?: string };
      if (code === '42501') {
        throw new ViewmillError('VM2022', 'this role may not create triggers on HAPI’s tables', {
          at: 'hfj_resource',
          cause: error,
        });
      }
      if (code !== '55P03' && code !== '40P01') throw error;
      if (left <= 1)
        throw new ViewmillError('VM2022', 'HAPI’s tables were busy all the time', { at: 'hfj_resource', cause: error });
    }
  }
}

/** Whether every trigger is in place, as the current transaction sees it; null if not: then changes may have been missed. */
export async function liveState(client: Queryable, schema: string, layout: HapiLayout): Promise<LiveState | null> {
  const wanted = triggersOf(layout);
  const { rows } = await client.query<{ found: number; epoch: string | null; epochs: number; xmin: string }>(sql`
    select count(*)::int as found, count(distinct t.tgargs)::int as epochs, min(encode(t.tgargs, 'escape')) as epoch,
      pg_snapshot_xmin(pg_current_snapshot())::text as xmin
    from pg_catalog.pg_trigger t
    where t.tgrelid in (${join(wanted.map(({ table }) => sql`to_regclass(${table.text})`))})
      and t.tgname = any (${wanted.flatMap(({ names }) => names)}::text[]) and t.tgenabled = 'A'
      and t.tgfoid = to_regprocedure(${`${captureFunction(schema).text}()`})`);
  const row = rows[0];
  const expected = wanted.reduce((sum, { names }) => sum + names.length, 0);
  if (row === undefined || row.epoch === null || row.epochs !== 1 || row.found !== expected) return null;
  return { epoch: row.epoch, xmin: row.xmin };
}

/**
 * A relation `res_id bigint` of the resources that may differ between a state with this watermark (`LiveState.xmin` of its snapshot)
 * and the current snapshot. All that became visible in between is in it: each change's entry becomes visible with the change, and
 * its transaction cannot be older than the oldest that ran at the watermark. Some of it may have been visible before.
 * A `res_id` of -1 stands for every resource.
 */
export function changedSince(schema: string, resourceType: string, watermark: string | Sql): Sql {
  return sql`select distinct o.res_id from ${outboxTable(schema)} o where ${concerns(resourceType)} and o.xid >= ${watermark}::text::xid8`;
}

export function isEverything(resId: string | number): boolean {
  return Number(resId) === ANY_RESOURCE;
}

/**
 * Removes entries of the type that are older than every watermark in use. Entries that HAPI's transactions hold stay.
 * @param floor the lowest watermark.
 */
export async function trimOutbox(client: Queryable, schema: string, resourceType: string, floor: string): Promise<number> {
  const { rowCount } = await client.query(sql`
    delete from ${outboxTable(schema)} where ctid = any (array(
      select o.ctid from ${outboxTable(schema)} o where ${concerns(resourceType)} and o.res_id <> ${ANY_RESOURCE} and o.xid < ${floor}::text::xid8
      for update skip locked))`);
  return rowCount ?? 0;
}

/** For `viewmill live status`. */
export async function outboxStatus(
  client: Queryable,
  schema: string,
): Promise<{ readonly entries: number; readonly bytes: number } | null> {
  const outbox = outboxTable(schema);
  const { rows } = await client.query<{ found: boolean }>(sql`select to_regclass(${outbox.text}) is not null as found`);
  if (rows[0]?.found !== true) return null;
  const counted = await client.query<{ entries: number; bytes: number }>(
    sql`select count(*)::float8 as entries, pg_total_relation_size(${outbox.text}::regclass)::float8 as bytes from ${outbox}`,
  );
  return counted.rows[0] ?? null;
}
