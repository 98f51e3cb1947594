import { ViewmillError } from '@viewmill/contracts';
import type { ViewPlan } from '@viewmill/views';

export function cancelled(): ViewmillError {
  return new ViewmillError('VM3006', 'the refresh was cancelled');
}

/** The SQLSTATE of an error of PostgreSQL; '' for others. */
export function sqlState(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown };
  return error instanceof Error && typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : '';
}

/** Classes of SQLSTATE: connection, resources, operator intervention, system. Trying again may help. */
const UNAVAILABLE = /^(?:08|53|57|58)/;
const NETWORK = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH']);

/**
 * What a failed build tells: coded, without content of resources (PostgreSQL quotes the value at fault in its messages).
 * An error that is neither the user's nor a service's stays what it is.
 */
export function toBuildError(error: unknown, plan: ViewPlan): unknown {
  if (error instanceof ViewmillError) return error;
  const state = sqlState(error);
  if (state.startsWith('22')) {
    const column = columnAtFault(error, plan);
    const where = column === null ? 'a value does not fit its column' : `column ${column}: a value does not fit`;
    return new ViewmillError('VM1203', `${where} (SQLSTATE ${state})`, column === null ? {} : { at: column });
  }
  if (UNAVAILABLE.test(state))
    return new ViewmillError('VM3002', `the database stopped the build (SQLSTATE ${state})`, { cause: error });
  if (isConnectionLost(error)) return new ViewmillError('VM3002', 'the connection to the database was lost', { cause: error });
  return error;
}

/** For the catalog: a fault is named by its SQLSTATE alone. */
export function toRecord(error: unknown): { code: ViewmillError['code']; message: string } {
  if (error instanceof ViewmillError) return { code: error.code, message: error.message };
  const state = sqlState(error);
  return { code: 'VM9001', message: state === '' ? 'internal fault' : `internal fault (SQLSTATE ${state})` };
}

/** The `where` of an error in COPY: `COPY t, line 3, column birth_date: "…"`. */
function columnAtFault(error: unknown, plan: ViewPlan): string | null {
  const { where } = error as { where?: unknown };
  const found = typeof where === 'string' ? /, column ([A-Za-z0-9_]+):/.exec(where)?.[1] : undefined;
  return plan.columns.find(({ name }) => name === found)?.name ?? null;
}

function isConnectionLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as { code?: unknown };
  // pg has no code for these.
  return (
    (typeof code === 'string' && NETWORK.has(code)) ||
    /^(?:Connection terminated|Client has encountered a connection error)/.test(error.message)
  );
}
