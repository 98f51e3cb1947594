import type { Writable } from 'node:stream';
import { ViewmillError } from '@viewmill/contracts';
import type { Pool, PoolClient } from 'pg';
import { deallocateEvicted, isStatementLost, stopPreparing } from './prepared.ts';

/** Sessions whose settings are made. */
const configured = new WeakSet<PoolClient>();

/**
 * Runs `work` in a read-only transaction on one snapshot, in UTC, ended by the server at the deadline.
 * JIT is off: the machine code of a generated statement takes longer than running it once. Plans are made for the values.
 * On a pipelined connection the work's first statement goes with the beginning of the transaction, in one packet.
 * `work` runs a second time if the connection lost its prepared statements.
 * @param deadline milliseconds since 1970.
 * @param signal aborted when nobody wants the answer any more: PostgreSQL is told to stop.
 * @param prepare runs before the transaction, on the same connection.
 * @throws ViewmillError VM3007 when time is up, VM3002 when the database cannot be reached, VM3006 when aborted.
 */
export async function readOnly<T>(
  pool: Pool,
  deadline: number | undefined,
  work: (client: PoolClient) => Promise<T>,
  signal?: AbortSignal,
  prepare?: (client: PoolClient) => Promise<void>,
): Promise<T> {
  if (signal?.aborted) throw stopped();
  const client = await pool.connect().catch((error: unknown) => {
    throw translate(error);
  });
  // A session that breaks while it is ours reports to the query as well; without a listener the process would end.
  client.on('error', ignore);
  const canceller = cancelOnAbort(pool, client, signal);
  /** Whoever has the session next must not be hit by a cancellation that is under way. */
  const release = (broken?: Error): void => {
    void canceller.done().then(() => {
      client.removeListener('error', ignore);
      client.release(broken);
    });
  };
  try {
    await prepare?.(client);
    const result = await within(client, deadline, work).catch(async (error: unknown) => {
      if (!isStatementLost(errorCode(error))) throw error;
      stopPreparing(client);
      await client.query('rollback');
      return within(client, deadline, work);
    });
    // Nothing was written: the answer does not wait for the end of the transaction.
    client.query('commit').then(() => release(), release);
    deallocateEvicted(client);
    return result;
  } catch (error) {
    // Should the rollback fail, the session cannot be used again.
    client.query('rollback').then(() => release(), release);
    throw signal?.aborted ? stopped(error) : translate(error);
  }
}

/** Begins the transaction and does the work in it. */
async function within<T>(client: PoolClient, deadline: number | undefined, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const left = deadline === undefined ? 0 : deadline - Date.now();
  if (deadline !== undefined && left <= 0) throw timedOut();
  if (!configured.has(client)) {
    await client.query(
      `set timezone = 'UTC'; set datestyle = 'ISO, MDY'; set jit = off; set plan_cache_mode = force_custom_plan`,
    );
    configured.add(client);
  }
  const { stream } = (client as unknown as { readonly connection: { readonly stream: Writable } }).connection;
  stream.cork();
  process.nextTick(() => stream.uncork());
  const begun = client.query(
    `begin isolation level repeatable read read only; set local statement_timeout = ${Math.min(Math.ceil(left), MAX_TIMEOUT_MS)}`,
  );
  const [result] = await Promise.all([work(client), begun]);
  return result;
}

/** Has PostgreSQL stop what the session does when the signal is aborted. */
function cancelOnAbort(pool: Pool, client: PoolClient, signal: AbortSignal | undefined): { done(): Promise<void> } {
  let cancelling: Promise<void> = Promise.resolve();
  const cancel = (): void => {
    const { processID } = client as unknown as { readonly processID: number };
    cancelling = pool.query('select pg_cancel_backend($1)', [processID]).then(ignore, ignore);
  };
  signal?.addEventListener('abort', cancel);
  return {
    done() {
      signal?.removeEventListener('abort', cancel);
      return cancelling;
    },
  };
}

function stopped(cause?: unknown): ViewmillError {
  return new ViewmillError('VM3006', 'the query was stopped', { cause });
}

function ignore(): void {}

/** Waits for something that has no time-out of its own and goes on if the deadline is missed. @throws ViewmillError VM3007 */
export async function before<T>(deadline: number | undefined, promise: Promise<T>): Promise<T> {
  if (deadline === undefined) return promise;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(timedOut()), Math.min(Math.max(deadline - Date.now(), 0), MAX_TIMEOUT_MS));
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** What both setTimeout and statement_timeout can hold: 24 days. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** SQLSTATE of a server's error, or Node's code of a broken connection. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || error instanceof ViewmillError) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

function timedOut(cause?: unknown): ViewmillError {
  return new ViewmillError('VM3007', 'the query took longer than its caller waits', { cause });
}

/** Connection exceptions, too many connections, shutdown; and what Node says of sockets. */
const UNAVAILABLE =
  /^(08...|53300|57P0[1-4]|3D000|28...|ECONN\w+|ENOTFOUND|EAI_AGAIN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOENT)$/;

/** An error of pg or of a socket as the user's error it is, else as it was. */
export function translate(error: unknown): unknown {
  const code = errorCode(error);
  if (code === '57014') return timedOut(error);
  // 54000: the text of the answer would be longer than PostgreSQL's gigabyte.
  if (code === '54000') return new ViewmillError('VM2010', 'the answer is too large for one page', { cause: error });
  const lost =
    error instanceof Error &&
    code === undefined &&
    /connection terminated|timeout exceeded when trying to connect/i.test(error.message);
  if (lost || (code !== undefined && UNAVAILABLE.test(code))) {
    return new ViewmillError('VM3002', 'the database cannot be reached', { cause: error });
  }
  return error;
}
