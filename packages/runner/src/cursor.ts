import { createHash } from 'node:crypto';
import { ViewmillError } from '@viewmill/contracts';
import type { ViewPlan } from '@viewmill/views';
import type { Sql } from 'sql-template-tag';
import sql, { join, raw } from 'sql-template-tag';
import { baseType, ordered, type ResolvedSearch } from './search-conditions.ts';

/** Where a page ended: the sort keys of its last row as PostgreSQL writes them, null for null. */
export interface Position {
  readonly keys: readonly (string | null)[];
  readonly resId: string;
  readonly ordinal: string;
}

/**
 * base64url of `[fingerprint, keys, res_id, ordinal]`; the fingerprint ties it to the view's plan and the order.
 * The keys are content of the row: a cursor must not be logged.
 * @param scope what else it is tied to, where positions mean something else than in the tables.
 */
export function encodeCursor(plan: ViewPlan, search: ResolvedSearch, { keys, resId, ordinal }: Position, scope = ''): string {
  return Buffer.from(JSON.stringify([fingerprint(plan, search, scope), keys, resId, ordinal])).toString('base64url');
}

/** @throws ViewmillError VM2001 for a cursor that is damaged, or of another view, version of the view or order. */
export function decodeCursor(plan: ViewPlan, search: ResolvedSearch, cursor: string, scope = ''): Position {
  const decoded = parseJson(Buffer.from(cursor, 'base64url').toString());
  const [print, keys, resId, ordinal] = Array.isArray(decoded) && decoded.length === 4 ? (decoded as unknown[]) : [];
  if (typeof print !== 'string' || !isKeys(keys) || !isInteger(resId) || !isInteger(ordinal)) {
    throw new ViewmillError('VM2001', 'this is no cursor that was given out here', { at: 'cursor' });
  }
  if (print !== fingerprint(plan, search, scope) || keys.length !== search.sort.length) {
    throw new ViewmillError(
      'VM2001',
      'the cursor belongs to another order or another version of the view; begin again without it',
      { at: 'cursor' },
    );
  }
  return { keys, resId, ordinal };
}

function isKeys(value: unknown): value is (string | null)[] {
  return Array.isArray(value) && value.every((key) => key === null || typeof key === 'string');
}

function isInteger(value: unknown): value is string {
  return typeof value === 'string' && /^-?\d{1,18}$/.test(value);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function fingerprint(plan: ViewPlan, { sort }: ResolvedSearch, scope: string): string {
  const order = sort.map(({ column, descending }) => (descending ? '-' : '') + column.name);
  return createHash('sha256')
    .update(JSON.stringify(scope === '' ? [plan.hash, order] : [plan.hash, order, scope]))
    .digest('base64url')
    .slice(0, 12);
}

/** Nulls come last in either direction; `(res_id, ordinal)` makes every order total, so that pages neither repeat nor lose rows. */
export function orderBy({ sort }: ResolvedSearch): Sql {
  const keys = sort.map(
    ({ column, descending }) => sql`${ordered(column)} ${raw(descending ? 'desc nulls last' : 'asc nulls last')}`,
  );
  return join([...keys, sql`q.res_id`, sql`q.ordinal`]);
}

/** The rows behind a position in that order. */
export function after({ sort }: ResolvedSearch, { keys, resId, ordinal }: Position): Sql {
  const tie = sql`(q.res_id, q.ordinal) > (${resId}::bigint, ${ordinal}::bigint)`;
  return sort.reduceRight((rest, { column, descending }, index) => {
    const value = keys[index] ?? null;
    const left = ordered(column);
    if (value === null) return sql`(${left} is null and ${rest})`;
    const given = sql`${value}::${raw(baseType(column))}`;
    return sql`(${left} ${raw(descending ? '<' : '>')} ${given} or ${left} is null or (${left} = ${given} and ${rest}))`;
  }, tie);
}
