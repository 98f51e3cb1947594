import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDemoDatabase } from '@viewmill/demo';
import { freePort, type LocalPostgres, startPostgres } from '@viewmill/services';
import pg from 'pg';

export interface ReplicaServers {
  readonly primary: pg.Pool;
  readonly replica: pg.Pool;
  startReplica(): Promise<void>;
  stopReplica(): Promise<void>;
  close(): Promise<void>;
}

/** A primary with a little demo data, in database `postgres`, and a streaming standby: a cold copy of its folder. */
export async function replicaServers(): Promise<ReplicaServers> {
  const folder = mkdtempSync(join(tmpdir(), 'viewmill-replica-'));
  execFileSync('chmod', ['755', folder]);
  const [port, replicaPort] = [await freePort(), await freePort()];
  const dataDir = join(folder, 'primary');
  const first = await startPostgres({ dataDir, port });
  const client = new pg.Client({ connectionString: first.url('postgres') });
  await client.connect();
  await createDemoDatabase(client, { patients: 5 });
  await client.end();
  await first.stop();
  const copy = join(folder, 'replica');
  execFileSync('cp', ['-a', first.dataDir, copy]);
  copyFileSync(`${dataDir}.json`, `${copy}.json`);
  const server = await startPostgres({ dataDir, port });
  const url = new URL(server.url('postgres'));
  const owner = statSync(copy);
  writeFileSync(join(copy, 'standby.signal'), '');
  const settings = join(copy, 'postgresql.auto.conf');
  const info = `host=127.0.0.1 port=${port} user=${url.username} password=${url.password}`;
  writeFileSync(settings, `${readFileSync(settings, 'utf8')}\nprimary_conninfo = '${info}'\nhot_standby = on\n`);
  if (process.getuid?.() === 0) execFileSync('chown', [`${owner.uid}:${owner.gid}`, join(copy, 'standby.signal')]);
  let standby: LocalPostgres | null = await startPostgres({ dataDir: copy, port: replicaPort });
  const open = (connectionString: string): pg.Pool => {
    const pool = new pg.Pool({ connectionString, connectionTimeoutMillis: 5000 });
    pool.on('error', () => undefined);
    return pool;
  };
  const primary = open(url.href);
  const replica = open(standby.url('postgres'));
  const stopReplica = async (): Promise<void> => {
    await standby?.stop();
    standby = null;
  };
  return {
    primary,
    replica,
    startReplica: async () => {
      standby = await startPostgres({ dataDir: copy, port: replicaPort });
    },
    stopReplica,
    close: async () => {
      await Promise.all([primary.end(), replica.end()]);
      await stopReplica();
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
