import { setTimeout as delay } from 'node:timers/promises';
import { ident } from '@viewmill/contracts';
import pg from 'pg';
import sql from 'sql-template-tag';
import type { CatalogPlace, Queryable } from './queryable.ts';
import { channel } from './tables.ts';

/** @param view which one changed; null: any may have, notifications were missed. */
export type ChangeListener = (view: string | null) => void;

export interface Subscription {
  /** Resolves once the first connection listens. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

/** Tells all listeners, when the transaction commits, that a view or definition changed. */
export async function announce(client: Queryable, schema: string, view: string): Promise<void> {
  await client.query(sql`select pg_notify(${channel(schema)}, ${view})`);
}

const RETRY_MS = 500;
const LONGEST_RETRY_MS = 10_000;

/**
 * Calls the listener for every change of a view or definition, by LISTEN on a connection of its own beside the pool.
 * A lost connection is made again; the listener is then called with null.
 */
export function changes({ pool, schema }: CatalogPlace, listener: ChangeListener): Subscription {
  return listen(pool, channel(schema), listener);
}

/** Calls the listener with the payload of every notification, and with null whenever some may have been missed. */
export function listen(pool: pg.Pool, channelName: string, listener: (payload: string | null) => void): Subscription {
  const stop = new AbortController();
  let client: pg.Client | undefined;
  let markReady: () => void = () => undefined;
  const ready = new Promise<void>((resolve) => {
    markReady = resolve;
  });

  async function listenOnce(): Promise<void> {
    const connection = new pg.Client(pool.options);
    client = connection;
    const ended = new Promise<void>((resolve) => {
      connection.once('end', resolve);
      connection.on('error', () => resolve());
    });
    connection.on('notification', ({ payload }) => listener(payload ?? null));
    try {
      await connection.connect();
      await connection.query(sql`listen ${ident(channelName)}`);
      listener(null);
      markReady();
      if (!stop.signal.aborted) await ended;
    } finally {
      await connection.end().catch(() => undefined);
    }
  }

  async function listenUntilClosed(): Promise<void> {
    let wait = RETRY_MS;
    while (!stop.signal.aborted) {
      const since = Date.now();
      await listenOnce().catch(() => undefined);
      wait = Date.now() - since > LONGEST_RETRY_MS ? RETRY_MS : Math.min(wait * 2, LONGEST_RETRY_MS);
      await delay(wait, undefined, { signal: stop.signal }).catch(() => undefined);
    }
    markReady();
  }

  const finished = listenUntilClosed();
  return {
    ready,
    async close() {
      stop.abort();
      await client?.end().catch(() => undefined);
      await finished;
    },
  };
}
