import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ViewmillError } from '@viewmill/contracts';
import pg from 'pg';
import { freePort, isPortFree } from './free-port.ts';
import { findBinaries, type PostgresBinaries } from './postgres-binaries.ts';
import { checkVersion, initialise } from './postgres-cluster.ts';
import { serverFlags } from './postgres-settings.ts';
import { postgresUser, reachableBinaries, reachableDataDir } from './postgres-user.ts';
import { commandLineOf, poll, type RunAs, run } from './processes.ts';
import { randomPassword, readState, type ServiceState, stateFile, writeState } from './state-file.ts';

export interface StartPostgresOptions {
  /** Folder of the cluster; its password and port are kept beside it in `<dataDir>.json` (mode 0600). */
  readonly dataDir: string;
  /** Port to listen on; default: the one of the last start if it is free, else a free one. */
  readonly port?: number;
  readonly log?: (message: string) => void;
  /** Superuser of a new cluster; default `viewmill`. */
  readonly user?: string;
  /** Password of a new cluster; default: a random one. */
  readonly password?: string;
  /** For tests: faster, and a power cut may destroy the data. */
  readonly throwaway?: boolean;
}

export interface LocalPostgres {
  /** Connection URL of a database of the cluster; `postgres` always exists. */
  url(database: string): string;
  /** Ends every session and stops the server; the data stays. */
  stop(): Promise<void>;
  /** Whether this call made the cluster. */
  readonly fresh: boolean;
  /** Whether the server was running already: left over from a killed process, or started by another one. */
  readonly reused: boolean;
  /** Where the data really is; differs from the option when root's folder cannot be reached by the user PostgreSQL runs as. */
  readonly dataDir: string;
}

const START_TIMEOUT_MS = 60_000;
const silent = (): void => {};

/**
 * Starts the embedded PostgreSQL, as a daemon in a session of its own: a Ctrl-C in the terminal does not reach it, so whoever
 * started it drains first and then calls `stop()`. An existing data folder is used again, after a SIGKILL too; a server that still
 * runs on it is taken over.
 * @throws ViewmillError VM3011 with the reason.
 */
export async function startPostgres(options: StartPostgresOptions): Promise<LocalPostgres> {
  const log = options.log ?? silent;
  const asked = resolve(options.dataDir);
  const as = await postgresUser();
  const binaries = await reachableBinaries(findBinaries(), as, log);
  const dataDir = await reachableDataDir(asked, as, log);

  const fresh = !existsSync(join(dataDir, 'PG_VERSION'));
  if (fresh) {
    const user = options.user ?? 'viewmill';
    const password = options.password ?? randomPassword();
    await initialise(binaries, as, dataDir, { user, password }, options.throwaway === true);
    writeState(asked, { user, password, port: undefined });
  }
  const state = readState(asked);
  if (state === null) {
    throw new ViewmillError(
      'VM3011',
      `${stateFile(asked)} with the password of ${dataDir} is missing; restore it, or remove the data folder to begin anew`,
    );
  }

  const running = fresh ? null : await runningPort(dataDir);
  const port = running ?? (await start(binaries, as, dataDir, state, options));
  const now: ServiceState = { ...state, port };
  if (state.port !== port) writeState(asked, now);
  const url = (database: string): string => postgresUrl(now, database);
  await waitUntilReady(url('postgres'));
  log(
    running === null
      ? `PostgreSQL listens on 127.0.0.1:${port}`
      : `PostgreSQL was still running on 127.0.0.1:${port} and is used`,
  );

  const stop = async (): Promise<void> => {
    const { code, output } = await run(binaries.pgCtl, ['stop', '-D', dataDir, '-m', 'fast', '-w', '-t', '60'], as);
    if (code !== 0 && (await runningPort(dataDir)) !== null)
      throw new ViewmillError('VM3011', `PostgreSQL does not stop: ${output.trim()}`);
  };
  return { url, stop, fresh, reused: running !== null, dataDir };
}

/** Starts the server. @returns the port it listens on. */
async function start(
  binaries: PostgresBinaries,
  as: RunAs,
  dataDir: string,
  state: ServiceState,
  options: StartPostgresOptions,
): Promise<number> {
  checkVersion(binaries, dataDir);
  const logFile = join(dataDir, 'server.log');
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (let attempt = 1; ; attempt += 1) {
    const port = await choosePort(options.port, attempt === 1 ? state.port : undefined);
    // A server killed by SIGKILL leaves this file; its number may belong to another process by now, which PostgreSQL takes for a server.
    if ((await runningPort(dataDir)) === null) rmSync(join(dataDir, 'postmaster.pid'), { force: true });
    rmSync(logFile, { force: true });
    const args = [
      'start',
      '-D',
      dataDir,
      '-w',
      '-t',
      String(START_TIMEOUT_MS / 1000),
      '-l',
      logFile,
      '-o',
      serverFlags(port, options.throwaway === true),
    ];
    if ((await run(binaries.pgCtl, args, as)).code === 0) return port;
    const reasons = readLog(logFile);
    // The port was taken since it was chosen; or children of a killed server have not noticed yet that it is gone.
    const passing = (options.port === undefined && /could not bind|in use/.test(reasons)) || /shared memory block/.test(reasons);
    if (!passing || Date.now() > deadline)
      throw new ViewmillError('VM3011', `PostgreSQL did not start: ${reasons || 'no reason given'}`);
  }
}

async function choosePort(asked: number | undefined, last: number | undefined): Promise<number> {
  if (asked !== undefined) return asked;
  if (last !== undefined && (await isPortFree(last))) return last;
  return freePort();
}

/** The port of the server that runs on this data folder, from its postmaster.pid; null if there is none. */
async function runningPort(dataDir: string): Promise<number | null> {
  let lines: readonly string[];
  try {
    lines = readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').split('\n');
  } catch {
    return null;
  }
  const [pid, , , port] = lines;
  const command = await commandLineOf(Number(pid));
  return command.includes('postgres') && command.includes(dataDir) && Number(port) > 0 ? Number(port) : null;
}

/** Error lines of the last start. Nothing but the server's own messages is in there (see `serverFlags`). */
function readLog(file: string): string {
  if (!existsSync(file) || statSync(file).size > 1_000_000) return '';
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines
    .filter((line) => /(FATAL|PANIC|ERROR|WARNING|HINT|could not)/.test(line))
    .slice(-5)
    .join(' ');
}

async function waitUntilReady(url: string): Promise<void> {
  let last: unknown;
  const ready = await poll(START_TIMEOUT_MS, async () => {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 });
    client.on('error', silent);
    try {
      await client.connect();
      await client.query('select 1');
      return true;
    } catch (error) {
      last = error;
      // 28P01: wrong password, which waiting does not mend.
      if ((error as { code?: string }).code === '28P01')
        throw new ViewmillError('VM3011', 'the password kept beside the data folder is not that of the server', { cause: error });
      return null;
    } finally {
      await client.end().catch(silent);
    }
  });
  if (ready === null) throw new ViewmillError('VM3011', 'PostgreSQL runs but does not answer', { cause: last });
}

function postgresUrl({ user, password, port }: ServiceState, database: string): string {
  return `postgres://${encodeURIComponent(user)}:${encodeURIComponent(password)}@127.0.0.1:${port}/${encodeURIComponent(database)}`;
}
