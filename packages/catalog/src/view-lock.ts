import sql, { type Sql } from 'sql-template-tag';
import { lockKey } from './lock-key.ts';

/** The first of the two keys of every view's advisory lock. */
const LOCK_SPACE = 0x766d_0002;

/** The second key: schema and name of the view. */
export function viewLockKey(schema: string, view: string): number {
  return lockKey(schema, view);
}

/** Arguments for `pg_advisory_lock` and its kin: whoever builds or drops the view holds it. */
export function viewLock(schema: string, view: string): Sql {
  return sql`${LOCK_SPACE}::int, ${viewLockKey(schema, view)}::int`;
}

/** Whether somebody holds the lock of `v` (the catalog's table of views). A killed worker's lock goes with its connection. */
export const IS_LOCKED = sql`exists (
  select from pg_catalog.pg_locks l
  where l.locktype = 'advisory' and l.granted and l.objsubid = 2 and l.classid = ${LOCK_SPACE}::int::oid
    and l.objid = (v.lock_key::bigint & 4294967295)::oid
    and l.database = (select oid from pg_catalog.pg_database where datname = current_database()))`;
