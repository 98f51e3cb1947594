import { ViewmillError } from '@viewmill/contracts';
import type { Pool } from 'pg';
import sql, { raw } from 'sql-template-tag';
import type { Position } from './cursor.ts';
import { baseType, invalid, type ResolvedSearch } from './search-conditions.ts';
import { errorCode } from './session.ts';

/** Invalid text, out of range, invalid date or time, wrong encoding. */
const CAST_ERRORS = new Set(['22P02', '22P03', '22003', '22007', '22008', '22009', '22021', '22023']);

/**
 * After a failed statement: was it a value of the search that could not be cast to its column's type? Values are tried one by
 * one; so the statement itself needs no checks.
 * @returns VM2009 that names the field, VM2001 for a value inside the cursor, or null if the search is not to blame.
 */
export async function findBadValue(
  pool: Pool,
  error: unknown,
  search: ResolvedSearch,
  from: Position | null,
): Promise<ViewmillError | null> {
  if (!CAST_ERRORS.has(errorCode(error) ?? '')) return null;
  for (const { column, values } of search.columns) {
    for (const value of values) {
      if (await fails(pool, value, baseType(column))) return invalid(column.name, `a value is no ${baseType(column)}`);
    }
  }
  for (const [index, { column }] of search.sort.entries()) {
    const value = from?.keys[index] ?? null;
    if (value !== null && (await fails(pool, value, baseType(column)))) {
      return new ViewmillError('VM2001', 'this is no cursor that was given out here', { at: 'cursor' });
    }
  }
  return null;
}

async function fails(pool: Pool, value: string, type: string): Promise<boolean> {
  try {
    await pool.query(sql`select ${value}::${raw(type)}`);
    return false;
  } catch (error) {
    if (CAST_ERRORS.has(errorCode(error) ?? '')) return true;
    throw error;
  }
}
