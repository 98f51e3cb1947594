import pg from 'pg';
import sql from 'sql-template-tag';
import type { ControlChannel, ControlMessage } from './control.ts';
import type { QueueSettings } from './options.ts';
import { createListener, type Listener } from './postgres-listener.ts';

/** How often, in milliseconds, a lost connection is looked after. */
const LOOK_MS = 1000;

/** Told by NOTIFY. Each process that works has a connection that listens. */
export function postgresControl(
  url: string,
  schema: string,
  settings: QueueSettings,
): ControlChannel & { close(): Promise<void> } {
  const channel = `${schema}_control`;
  const pool = new pg.Pool({ connectionString: url, max: 1, connectionTimeoutMillis: settings.connectTimeoutMs });
  pool.on('error', settings.onError);
  const heeds = new Set<(message: ControlMessage) => void>();
  let listener: Listener | undefined;
  let timer: NodeJS.Timeout | undefined;
  let ensuring: Promise<void> = Promise.resolve();

  return {
    async tell(message) {
      await pool.query(sql`select pg_notify(${channel}, ${JSON.stringify(message)})`);
    },
    hear(heed) {
      heeds.add(heed);
      if (timer !== undefined) return;
      listener = createListener(url, channel, settings, (payload) => {
        for (const each of heeds) each(JSON.parse(payload) as ControlMessage);
      });
      const ensure = (): void => {
        ensuring = ensuring.then(() => listener?.ensure());
      };
      ensure();
      timer = setInterval(ensure, LOOK_MS);
    },
    async close() {
      clearInterval(timer);
      await ensuring;
      await listener?.close();
      await pool.end();
    },
  };
}
