import { ViewmillError } from '@viewmill/contracts';
import { sourceState } from '@viewmill/fhir-source';
import {
  BrokenCircuitError,
  type CircuitBreakerPolicy,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  handleWhen,
} from 'cockatiel';
import type { Pool, PoolClient } from 'pg';
import sql, { type Sql } from 'sql-template-tag';
import { replicaObstacle } from './replica-identity.ts';
import { errorCode, readOnly } from './session.ts';

/**
 * What a replica has to prove before it may answer. `primary`: nothing would do. `present`: it has replayed everything committed before
 * the read began. A condition: it holds in the snapshot of the read.
 */
export type Proof = 'primary' | 'present' | Sql;

export interface ReplicaStats {
  /** Queries answered. */
  readonly answered: number;
  /** Times it was not far enough, and was passed over. */
  readonly lagged: number;
  /** Times it failed, or was no standby of this database. */
  readonly failed: number;
}

/** Read-only transactions, on a replica where one can prove that it is far enough, else on the primary. */
export interface Reader {
  /** The primary: for what is learned about the database, not for answers. */
  readonly primary: Pool;
  readonly hasReplicas: boolean;
  /**
   * @param work gets what to add to a reason, '' or `, replica 1`, and, on a replica that proved `present`, the primary's time at which that
   * was the present; else null.
   * @throws as `readOnly`, of the primary; errors of the statement itself also from a replica.
   */
  read<T>(deadline: number | undefined, proof: Proof, work: Work<T>, signal?: AbortSignal): Promise<T>;
}

export interface Replicas {
  /** @param primary whose replicas they are. */
  reader(primary: Pool): Reader;
  stats(): readonly ReplicaStats[];
}

interface Replica {
  readonly pool: Pool;
  readonly where: string;
  readonly failures: CircuitBreakerPolicy;
  /** Apart by proof: who is a moment behind the present may well have what was published. */
  readonly lags: Readonly<Record<'present' | 'published', CircuitBreakerPolicy>>;
  readonly stats: { answered: number; lagged: number; failed: number };
  /** Connections that were seen to lead to a standby of the primary. */
  readonly verified: WeakSet<PoolClient>;
}

class Lagging extends Error {}
class Foreign extends Error {}

/** A lag often passes within milliseconds. */
const LAGS_IN_A_ROW = 3;

/** @param probeMs how long a replica that fails or lags is left out, before one query tries it again. */
export function createReplicas(pools: readonly Pool[], probeMs: number): Replicas {
  const replicas = pools.map((pool, index): Replica => {
    const lag = (): CircuitBreakerPolicy =>
      circuitBreaker(
        handleWhen((error) => error instanceof Lagging),
        { halfOpenAfter: probeMs, breaker: new ConsecutiveBreaker(LAGS_IN_A_ROW) },
      );
    return {
      pool,
      where: `, replica ${index + 1}`,
      failures: circuitBreaker(handleWhen(isFailure), { halfOpenAfter: probeMs, breaker: new ConsecutiveBreaker(1) }),
      lags: { present: lag(), published: lag() },
      stats: { answered: 0, lagged: 0, failed: 0 },
      verified: new WeakSet(),
    };
  });
  let turn = 0;

  async function ask<T>(
    replica: Replica,
    primary: Pool,
    deadline: number | undefined,
    proof: Sql | 'present',
    work: Work<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    // Asked of the primary before the replica's snapshot is taken. Not pg_current_wal_lsn(): with synchronous_commit off, commits that
    // were seen already are beyond it.
    const present = proof === 'present' ? await presentOf(primary) : null;
    const prepare = async (client: PoolClient): Promise<void> => {
      if (!replica.verified.has(client)) {
        const obstacle = await replicaObstacle(primary, client);
        if (obstacle !== null) throw new Foreign(obstacle);
        replica.verified.add(client);
      }
      if (present !== null) await demand(client, sql`pg_last_wal_replay_lsn() >= ${present.lsn}::pg_lsn`);
    };
    return readOnly(
      replica.pool,
      deadline,
      async (client) => {
        if (proof !== 'present') await demand(client, proof);
        return work(client, replica.where, present?.asOf ?? null);
      },
      signal,
      prepare,
    );
  }

  async function attempt<T>(replica: Replica, ...[primary, deadline, proof, work, signal]: AskParameters<T>): Promise<T> {
    const lag = replica.lags[proof === 'present' ? 'present' : 'published'];
    try {
      const answer = await lag.execute(() =>
        replica.failures.execute(() => ask(replica, primary, deadline, proof, work, signal)),
      );
      replica.stats.answered += 1;
      return answer;
    } catch (error) {
      if (error instanceof Lagging) replica.stats.lagged += 1;
      else if (isFailure(error)) replica.stats.failed += 1;
      throw error;
    }
  }

  return {
    reader: (primary) => ({
      primary,
      hasReplicas: replicas.length > 0,
      async read(deadline, proof, work, signal) {
        if (proof !== 'primary') {
          const first = turn++;
          for (let n = 0; n < replicas.length; n += 1) {
            const replica = replicas[(first + n) % replicas.length];
            if (replica === undefined || isProbed(replica)) continue;
            try {
              return await attempt(replica, primary, deadline, proof, work, signal);
            } catch (error) {
              if (!isPassedOver(error)) throw error;
            }
          }
        }
        return readOnly(primary, deadline, (client) => work(client, '', null), signal);
      },
    }),
    stats: () => replicas.map(({ stats }) => ({ ...stats })),
  };
}

type Work<T> = (client: PoolClient, where: string, asOf: string | null) => Promise<T>;
type AskParameters<T> = [
  primary: Pool,
  deadline: number | undefined,
  proof: Sql | 'present',
  work: Work<T>,
  signal: AbortSignal | undefined,
];

/** The time is asked first: everything committed before it is before the position. */
async function presentOf(primary: Pool): Promise<{ readonly lsn: string; readonly asOf: string }> {
  try {
    const { asOf } = await sourceState(primary);
    const { rows } = await primary.query<{ lsn: string }>('select pg_current_wal_insert_lsn()::text as lsn');
    return { lsn: rows[0]?.lsn ?? 'FFFFFFFF/FFFFFFFF', asOf };
  } catch {
    // The primary's trouble is none of the replica's; the query meets it again there.
    throw new Lagging('the present is not known');
  }
}

/** A promoted replica keeps its connections, but goes ways of its own. */
async function demand(client: PoolClient, condition: Sql): Promise<void> {
  const { rows } = await client.query<{ standby: boolean; far: boolean | null }>(
    sql`select pg_is_in_recovery() as standby, (${condition}) as far`,
  );
  if (rows[0]?.standby !== true) throw new Foreign('no standby any more');
  if (rows[0].far !== true) throw new Lagging('not far enough');
}

/** Others would wait for the outcome of the one query that tries it. */
function isProbed({ failures, lags }: Replica): boolean {
  return [failures, lags.present, lags.published].some(({ state }) => state === CircuitState.HalfOpen);
}

function isFailure(error: unknown): boolean {
  return error instanceof Foreign || (error instanceof ViewmillError && error.code === 'VM3002');
}

/**
 * What the primary may do better: also a conflict with recovery (40001, 40P01), a catalog that has not arrived (3F000), and what a
 * standby cannot do (25006, 0A000, 55000).
 */
function isPassedOver(error: unknown): boolean {
  if (isFailure(error) || error instanceof Lagging || error instanceof BrokenCircuitError) return true;
  return /^(40001|40P01|3F000|25006|0A000|55000|42501)$/.test(errorCode(error) ?? '');
}
