import type { Pool } from 'pg';

const known = new WeakMap<Pool, WeakMap<Pool, Promise<boolean>>>();

/**
 * Whether two pools lead to the same database as the same role, so that one statement can join tables of both.
 * Asked once for two pools; a failure is not kept.
 */
export function isSameDatabase(a: Pool, b: Pool): Promise<boolean> {
  if (a === b) return Promise.resolve(true);
  const ofA = known.get(a) ?? new WeakMap<Pool, Promise<boolean>>();
  known.set(a, ofA);
  const kept = ofA.get(b);
  if (kept !== undefined) return kept;
  const answer = Promise.all([identify(a), identify(b)]).then(([first, second]) => first === second);
  ofA.set(b, answer);
  answer.catch(() => ofA.delete(b));
  return answer;
}

/** The name and the server's start, to the microsecond: nothing more is readable for every role on every version. */
async function identify(pool: Pool): Promise<string> {
  const answer = await pool.query<{ id: string }>(
    `select concat_ws(' ', current_database(), current_user, extract(epoch from pg_postmaster_start_time())) as id`,
  );
  return answer.rows[0]?.id ?? '';
}
