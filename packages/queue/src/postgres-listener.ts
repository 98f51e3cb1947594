import pg from 'pg';
import type { QueueSettings } from './options.ts';

/** A connection that hears the notifications of one channel. */
export interface Listener {
  /** Connects if it is not connected. Call it again from time to time: a lost connection is replaced then. */
  ensure(): Promise<void>;
  close(): Promise<void>;
}

export function createListener(
  url: string,
  channel: string,
  settings: QueueSettings,
  onNotice: (payload: string) => void,
): Listener {
  let listener: pg.Client | undefined;

  async function connect(): Promise<void> {
    const client = new pg.Client({ connectionString: url, keepAlive: true, connectionTimeoutMillis: settings.connectTimeoutMs });
    client.on('error', (error) => {
      settings.onError(error);
      if (listener === client) listener = undefined;
    });
    client.on('notification', ({ payload }) => onNotice(payload ?? ''));
    try {
      await client.connect();
      await client.query(`listen ${pg.escapeIdentifier(channel)}`);
      listener = client;
    } catch (error) {
      await client.end();
      throw error;
    }
  }

  return {
    async ensure() {
      if (listener === undefined) await connect().catch(settings.onError);
    },
    close: async () => listener?.end(),
  };
}
