import { type Catalog, viewLock } from '@viewmill/catalog';
import { ViewmillError } from '@viewmill/contracts';
import type { Pool, PoolClient } from 'pg';
import sql from 'sql-template-tag';
import { cancelled, sqlState } from './failures.ts';

/** The one connection of a build: it holds the view's lock, so the lock is gone when the build's work cannot go on. */
export interface Session {
  readonly client: PoolClient;
  /** Another refresh held the lock first. */
  readonly waited: boolean;
  /**
   * Does work that an abort of the signal may interrupt: the statement that runs then is cancelled.
   * @throws ViewmillError VM3006 when aborted
   */
  interruptible<T>(work: () => Promise<T>): Promise<T>;
}

export interface LockOptions extends Omit<LocksOptions, 'names'> {
  readonly name: string;
}

export interface LocksOptions {
  readonly target: Pool;
  readonly catalog: Catalog;
  /** Whoever takes several locks takes them in one order: nobody waits in a circle. */
  readonly names: readonly string[];
  readonly signal?: AbortSignal | undefined;
  /** Called if another one holds the lock. */
  readonly onWait?: () => void;
}

/** `withViewLocks` of one view. */
export function withViewLock<T>({ name, ...options }: LockOptions, work: (session: Session) => Promise<T>): Promise<T> {
  return withViewLocks({ ...options, names: [name] }, work);
}

/**
 * Takes the views' locks, waiting for them if need be, and does the work. The connection is closed afterwards:
 * its settings are its own, and the server releases the locks with it, as it does when this process is killed.
 */
export function withViewLocks<T>(options: LocksOptions, work: (session: Session) => Promise<T>): Promise<T> {
  const { catalog, names, onWait } = options;
  return withSession(options, async (session) => {
    const { client, interruptible } = session;
    let waited = false;
    for (const name of [...names].sort()) {
      const lock = viewLock(catalog.schema, name);
      const tried = await client.query<{ taken: boolean }>(sql`select pg_try_advisory_lock(${lock}) as taken`);
      if (tried.rows[0]?.taken === true) continue;
      waited = true;
      onWait?.();
      await interruptible(() => client.query(sql`select pg_advisory_lock(${lock})`));
    }
    return work({ ...session, waited });
  });
}

/** The same without the lock. */
export async function withSession<T>(
  { target, signal }: Pick<LockOptions, 'target' | 'signal'>,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  if (signal?.aborted) throw cancelled();
  const client = await target.connect();
  // Statements report a broken connection themselves; without a listener the process would end.
  client.on('error', () => undefined);
  try {
    const pid = await configure(client);
    const interruptible = <R>(part: () => Promise<R>): Promise<R> => interrupting({ client, target, pid, signal }, part);
    return await work({ client, waited: false, interruptible });
  } finally {
    client.release(true);
  }
}

/** No time-out of the role or database may end a build; a worker whose machine vanished is noticed within two minutes. */
async function configure(client: PoolClient): Promise<number> {
  const { rows } = await client.query<{ pid: number }>(sql`
    select pg_backend_pid() as pid, set_config('statement_timeout', '0', false), set_config('lock_timeout', '0', false),
      set_config('idle_in_transaction_session_timeout', '0', false), set_config('tcp_keepalives_idle', '60', false),
      set_config('tcp_keepalives_interval', '10', false), set_config('tcp_keepalives_count', '6', false),
      set_config('client_min_messages', 'warning', false)`);
  const pid = rows[0]?.pid;
  if (pid === undefined) throw new ViewmillError('VM3002', 'the database gave no answer');
  return pid;
}

interface Interruption {
  readonly client: PoolClient;
  readonly target: Pool;
  readonly pid: number;
  readonly signal: AbortSignal | undefined;
}

async function interrupting<T>({ client, target, pid, signal }: Interruption, work: () => Promise<T>): Promise<T> {
  if (signal?.aborted) throw cancelled();
  let cancelling: Promise<unknown> | undefined;
  const onAbort = (): void => {
    cancelling = target.query(sql`select pg_cancel_backend(${pid}::int)`).catch(() => undefined);
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await work();
  } catch (error) {
    throw signal?.aborted && sqlState(error) === '57014' ? cancelled() : error;
  } finally {
    signal?.removeEventListener('abort', onAbort);
    if (cancelling !== undefined) {
      await cancelling;
      // A cancellation that came too late for its statement hits this one.
      await client.query('select').catch(() => undefined);
    }
  }
}
