import { ViewmillError } from '@viewmill/contracts';
import sql, { type Sql } from 'sql-template-tag';

const INVALID_TEXT = '22P02';
const OUT_OF_RANGE = '22003';

/**
 * An integer expression that fails when it is evaluated: a text that is no number is cast. The text names the place only.
 * `row` is any value of the row: without it the planner would fold the constant and fail even if no row comes here.
 */
export function raiseSeveral(at: string, expression: string, row: Sql): Sql {
  const text = `VM1201 ${JSON.stringify({ at, expression })} end`;
  return sql`(${text}::text || left((${row})::text, 0))::integer`;
}

/**
 * The user's error behind a failed statement, or null if it is none of the view's.
 * @param error what pg threw: SQLSTATE in `code`, PostgreSQL's message in `message`.
 */
export function decodeSqlError(error: unknown): ViewmillError | null {
  if (!(error instanceof Error) || !('code' in error)) return null;
  if (error.code === OUT_OF_RANGE)
    return new ViewmillError('VM1203', 'a number is out of the range of its column', { cause: error });
  if (error.code !== INVALID_TEXT) return null;
  const found = /VM1201 (\{.*\}) end/s.exec(error.message);
  if (found === null) return null;
  const { at, expression } = JSON.parse(found[1] ?? '{}') as { at: string; expression: string };
  return new ViewmillError('VM1201', `${at}: several values where one is expected: ${expression}`, { at, cause: error });
}
