import type { Pool, PoolClient } from 'pg';
import { errorCode } from './session.ts';

type Asked = Pick<Pool | PoolClient, 'query'>;

/**
 * Whether a connection leads to a standby of the primary's system, and to the same database.
 * @returns why not, or null. Where a role may not read the system's identifier, only the rest is compared.
 * @throws errors of pg if one of them cannot be asked.
 */
export async function replicaObstacle(primary: Asked, replica: Asked): Promise<string | null> {
  const { rows } = await replica.query<{ standby: boolean }>('select pg_is_in_recovery() as standby');
  if (rows[0]?.standby !== true) return 'is no standby';
  const [ours, theirs] = await Promise.all([identify(primary), identify(replica)]);
  if (ours.database !== theirs.database) return 'is another database';
  if (ours.system !== null && theirs.system !== null && ours.system !== theirs.system) return 'is a standby of another system';
  return null;
}

async function identify(asked: Asked): Promise<{ readonly database: string; readonly system: string | null }> {
  const { rows } = await asked.query<{ database: string }>('select current_database() as database');
  const system = await asked
    .query<{ system: string }>('select system_identifier::text as system from pg_control_system()')
    .then((answer) => answer.rows[0]?.system ?? null)
    .catch((error: unknown) => {
      if (errorCode(error) === '42501') return null;
      throw error;
    });
  return { database: rows[0]?.database ?? '', system };
}
