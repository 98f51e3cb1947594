import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, chown, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ViewmillError } from '@viewmill/contracts';
import type { PostgresBinaries } from './postgres-binaries.ts';
import { type RunAs, run } from './processes.ts';

/** Makes the cluster beside its place and renames it: a kill in the middle leaves nothing that looks like a cluster. */
export async function initialise(
  binaries: PostgresBinaries,
  as: RunAs,
  dataDir: string,
  account: { readonly user: string; readonly password: string },
  throwaway: boolean,
): Promise<void> {
  if (existsSync(dataDir) && readdirSync(dataDir).length > 0) {
    throw new ViewmillError('VM3011', `${dataDir} is neither empty nor the data of a PostgreSQL server`);
  }
  const half = `${dataDir}.new`;
  await rm(half, { recursive: true, force: true });
  await mkdir(half, { mode: 0o700 });
  const passwordFile = `${dataDir}.pw`;
  await writeFile(passwordFile, `${account.password}\n`, { mode: 0o600 });
  if (as.uid !== undefined && as.gid !== undefined) {
    await chown(half, as.uid, as.gid);
    await chown(passwordFile, as.uid, as.gid);
  }
  try {
    const { code, output } = await run(
      binaries.initdb,
      [
        `--pgdata=${half}`,
        `--username=${account.user}`,
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        // PostgreSQL's own C.UTF-8: the same order and case rules on every machine, whatever locales it has.
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        '--locale=C',
        ...(throwaway ? ['--no-sync'] : []),
      ],
      as,
    );
    if (code !== 0) throw new ViewmillError('VM3011', `initdb failed: ${output.trim().split('\n').slice(-5).join(' ')}`);
    await rm(dataDir, { recursive: true, force: true });
    await rename(half, dataDir);
    await chmod(dataDir, 0o700);
  } finally {
    await rm(passwordFile, { force: true });
    await rm(half, { recursive: true, force: true });
  }
}

/** @throws ViewmillError VM3011 if the cluster is of another major version than the programs. */
export function checkVersion(binaries: PostgresBinaries, dataDir: string): void {
  const data = readFileSync(join(dataDir, 'PG_VERSION'), 'utf8').trim();
  const programs = binaries.version.split('.')[0];
  if (data === programs) return;
  throw new ViewmillError(
    'VM3011',
    `the data in ${dataDir} is of PostgreSQL ${data}, the programs are of ${programs}; dump it with the old ones, or remove it`,
  );
}
