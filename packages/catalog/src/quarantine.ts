import type { ErrorCode } from '@viewmill/contracts';
import sql from 'sql-template-tag';
import { type CatalogPlace, onlyRow, type Queryable } from './queryable.ts';
import { table } from './tables.ts';

/** A resource that gave no rows because it could not be read. */
export interface QuarantineEntry {
  /** Exact: decimal text beyond 2^53. */
  readonly resId: number | string;
  readonly resVer: number | string;
  readonly code: ErrorCode;
  /** Holds no content. */
  readonly message: string;
}

export interface QuarantineRecord {
  readonly res_id: string;
  readonly res_ver: string;
  readonly code: string;
  readonly message: string;
  /** ISO instant. */
  readonly seen_at: string;
}

export interface Quarantine {
  /** By res_id. @param limit default 100 */
  quarantined(view: string, limit?: number): Promise<readonly QuarantineRecord[]>;
  /**
   * Those of the refresh that is published; what was seen before keeps its time. Part of the caller's transaction.
   * @param among the resources that were read; default: all, so that entries of others go.
   */
  replaceQuarantine(
    client: Queryable,
    view: string,
    entries: readonly QuarantineEntry[],
    among?: readonly string[],
  ): Promise<void>;
  /** How many there are now, as the caller's transaction sees it. */
  countQuarantine(client: Queryable, view: string): Promise<number>;
}

export function quarantine({ pool, schema }: CatalogPlace): Quarantine {
  const quarantineTable = table(schema, '_quarantine');
  return {
    async quarantined(view, limit = 100) {
      const { rows } = await pool.query<Omit<QuarantineRecord, 'seen_at'> & { seen_at: Date }>(sql`
        select res_id::text, res_ver::text, code, message, seen_at from ${quarantineTable} where view = ${view} order by res_id limit ${limit}::int`);
      return rows.map((row) => ({ ...row, seen_at: row.seen_at.toISOString() }));
    },

    async replaceQuarantine(client, view, entries, among) {
      const resIds = entries.map(({ resId }) => String(resId));
      const read = among === undefined ? sql`true` : sql`res_id = any (${among}::bigint[])`;
      await client.query(
        sql`delete from ${quarantineTable} where view = ${view} and res_id <> all (${resIds}::bigint[]) and ${read}`,
      );
      if (entries.length === 0) return;
      await client.query(sql`
        insert into ${quarantineTable} as q (view, res_id, res_ver, code, message)
        select ${view}, * from unnest(${resIds}::bigint[], ${entries.map(({ resVer }) => String(resVer))}::bigint[],
          ${entries.map(({ code }) => code)}::text[], ${entries.map(({ message }) => message)}::text[])
        on conflict (view, res_id) do update set res_ver = excluded.res_ver, code = excluded.code, message = excluded.message,
          seen_at = case when q.res_ver = excluded.res_ver then q.seen_at else excluded.seen_at end`);
    },

    async countQuarantine(client, view) {
      const { n } = onlyRow(
        await client.query<{ n: number }>(sql`select count(*)::int as n from ${quarantineTable} where view = ${view}`),
      );
      return n;
    },
  };
}
