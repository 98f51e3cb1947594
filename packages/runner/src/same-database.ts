import type { Pool } from 'pg';

/** Whether two pools lead to the same database, so that one statement can join tables of both. Asked once; a failure is not kept. */
export function compareDatabases(a: Pool, b: Pool): () => Promise<boolean> {
  let answer: Promise<boolean> | undefined;
  return () => {
    if (a === b) return Promise.resolve(true);
    answer ??= Promise.all([identify(a), identify(b)]).then(
      ([first, second]) => first === second,
      (error: unknown) => {
        answer = undefined;
        throw error;
      },
    );
    return answer;
  };
}

/** The name and the server's start, to the microsecond: nothing more is readable for every role on every version. */
async function identify(pool: Pool): Promise<string> {
  const answer = await pool.query<{ id: string }>(
    `select current_database() || ' ' || extract(epoch from pg_postmaster_start_time()) as id`,
  );
  return answer.rows[0]?.id ?? '';
}
