import { randomUUID } from 'node:crypto';
import { ident } from '@viewmill/contracts';
import pg from 'pg';
import sql from 'sql-template-tag';
import type { QueueSettings } from './options.ts';
import { createListener, type Listener } from './postgres-listener.ts';
import { REPLY_KEEP_SECONDS, type ReplyChannel } from './reply-channel.ts';

const CHANNEL = 'viewmill_reply';
/** Answers taken by one statement: few, because each may be large. */
const TAKE = 16;
/** The inbox is also read this often, in milliseconds, should a notification be lost with its connection. */
const POLL_MS = 1000;

/** Answers are rows of an unlogged table (a notification holds 8000 bytes only), announced by NOTIFY and deleted by being read. */
export function postgresReplies(url: string, schema: string, settings: QueueSettings): ReplyChannel {
  const inbox = randomUUID();
  const table = ident(schema, 'viewmill_reply');
  const pool = new pg.Pool({ connectionString: url, max: 4, connectionTimeoutMillis: settings.connectTimeoutMs });
  pool.on('error', settings.onError);
  let listener: Listener | undefined;
  let timer: NodeJS.Timeout | undefined;
  let ticking: Promise<void> = Promise.resolve();
  let closed = false;

  return {
    inbox,

    listen(deliver) {
      let taking = false;
      let again = false;
      const take = async (): Promise<void> => {
        again = true;
        if (taking || closed) return;
        taking = true;
        try {
          while (again && !closed) {
            again = false;
            const { rows } = await pool.query<{ id: string; frame: string }>(sql`
              delete from ${table} where id in (select id from ${table} where inbox = ${inbox} order by id limit ${TAKE})
              returning id, frame`);
            // In the order they were sent, which a DELETE does not keep.
            for (const { frame } of rows.sort((a, b) => Number(a.id) - Number(b.id))) deliver(frame);
            if (rows.length === TAKE) again = true;
          }
        } catch (error) {
          if (!closed) settings.onError(error);
        } finally {
          taking = false;
        }
      };
      const tick = async (): Promise<void> => {
        listener ??= createListener(url, CHANNEL, settings, (payload) => {
          if (payload === inbox) void take();
        });
        await listener.ensure();
        await take();
        if (!closed) timer = setTimeout(start, POLL_MS);
      };
      const start = (): void => {
        ticking = tick();
      };
      start();
      pool
        .query(sql`delete from ${table} where created_at < now() - make_interval(secs => ${REPLY_KEEP_SECONDS})`)
        .catch(settings.onError);
    },

    async send(to, frame) {
      await pool.query(sql`
        with sent as (insert into ${table} (inbox, frame) values (${to}, ${frame}) returning inbox::text)
        select pg_notify(${CHANNEL}, inbox) from sent`);
    },

    async close() {
      if (closed) return;
      closed = true;
      await ticking;
      clearTimeout(timer);
      await listener?.close();
      await pool.end();
    },
  };
}
