import { randomBytes } from 'node:crypto';
import { existsSync, lstatSync } from 'node:fs';
import { chmod, mkdir, realpath, symlink, unlink } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { ViewmillError } from '@viewmill/contracts';
import { copyBinaries, type PostgresBinaries } from './postgres-binaries.ts';
import { type RunAs, run } from './processes.ts';

/** Where root's servers live when their own folder cannot be reached by the user that runs them. */
const SHARED_HOME = '/var/lib/viewmill';

/** @returns the user to run PostgreSQL as: this process's own, or for root, whom PostgreSQL refuses, `postgres` (created if missing) or `nobody`. */
export async function postgresUser(): Promise<RunAs> {
  if (userInfo().uid !== 0) return {};
  const known = await lookUp('postgres');
  if (known !== null) return known;
  await run('groupadd', ['--system', 'postgres']);
  await run('useradd', ['--system', '-g', 'postgres', '-d', '/nonexistent', '-s', '/usr/sbin/nologin', 'postgres']);
  const found = (await lookUp('postgres')) ?? (await lookUp('nobody'));
  if (found === null)
    throw new ViewmillError('VM3011', 'PostgreSQL does not run as root, and there is no user "postgres" and none can be created');
  return found;
}

async function lookUp(name: string): Promise<Required<RunAs> | null> {
  const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]);
  if (uid.code !== 0 || gid.code !== 0) return null;
  return { uid: Number(uid.output.trim()), gid: Number(gid.output.trim()) };
}

/** The binaries, or a copy of them in /var/lib/viewmill if `as` cannot reach them (a project below /root). */
export async function reachableBinaries(
  binaries: PostgresBinaries,
  as: RunAs,
  log: (message: string) => void,
): Promise<PostgresBinaries> {
  if (as.uid === undefined || (await canEnter(join(binaries.home, 'bin'), as))) return binaries;
  log(`PostgreSQL's programs are copied to ${SHARED_HOME}: the user that runs them cannot reach ${binaries.home}`);
  return copyBinaries(binaries, SHARED_HOME);
}

/**
 * Makes the parent of a data folder. If `as` cannot reach it (below /root, say), `dataDir` becomes a symbolic link to a folder in
 * /var/lib/viewmill: opening up other folders' modes is not ours to do.
 * @returns the real path of the data folder, which need not exist yet.
 */
export async function reachableDataDir(dataDir: string, as: RunAs, log: (message: string) => void): Promise<string> {
  const made = await mkdir(dirname(dataDir), { recursive: true });
  const parent = await realpath(dirname(dataDir));
  const here = join(parent, basename(dataDir));
  if (as.uid === undefined || as.gid === undefined) return existsSync(here) ? realpath(here) : here;
  if (made !== undefined) await chmod(parent, 0o711); // whatever the umask: this folder is ours
  const linked = lstatSync(here, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  if (linked && existsSync(here)) return realpath(here);
  if (await canEnter(parent, as)) return here;
  if (existsSync(here)) {
    throw new ViewmillError(
      'VM3011',
      `the user that runs PostgreSQL (uid ${as.uid}) cannot reach ${here}; choose another DATA_DIR, or let it enter the parent folders`,
    );
  }
  if (linked) await unlink(here); // its target was removed
  const place = join(SHARED_HOME, `postgres-${randomBytes(4).toString('hex')}`);
  const cluster = join(place, 'data');
  await mkdir(place, { recursive: true, mode: 0o755 });
  await symlink(cluster, here);
  log(`PostgreSQL's data is kept in ${cluster}: the user that runs it cannot reach ${parent}`);
  return cluster;
}

async function canEnter(folder: string, as: RunAs): Promise<boolean> {
  return (await run('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], as)).code === 0;
}
