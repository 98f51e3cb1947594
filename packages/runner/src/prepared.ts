import type { PoolClient, QueryConfig } from 'pg';
import type { Sql } from 'sql-template-tag';

/*
 * Statements that come again are prepared by name, per connection. Measured on the demo data, lower quartiles on a busy machine, a page of ten of a patient's labs:
 * from a generation 0.50 ms without a name, 0.36 with; on the fly 16.5 and 15.7 (10 kB of text to parse). Plans are made for
 * the values each time (plan_cache_mode in session.ts): a generic one takes 0.22 ms there, but is the same for a patient
 * of ten rows and one of a million. Building the texts takes 0.2 ms and is not kept.
 */

/** A connection keeps the statements used last. The number is a guess: what a statement takes of the server's memory was not measured. */
const MOST_PREPARED = 64;
/** Texts seen once: a query that never comes again should not push out one that does. */
const MOST_SEEN = 1000;

const seen = new Set<string>();
const connections = new WeakMap<PoolClient, Connection>();
let counter = 0;

interface Connection {
  /** Name by text; the order is that of the last use. */
  readonly names: Map<string, string>;
  /** Names to deallocate once no transaction is open. */
  evicted: string[];
  /** Something between here and the server (a transaction pool) or somebody else loses statements. */
  unreliable: boolean;
}

/**
 * The statement as it is to be sent: with a name from its second time on. A name is never used for another text, and a text holds the
 * names of its relations, so a swapped generation is a new statement.
 */
export function prepared(client: PoolClient, statement: Sql): QueryConfig {
  const { text, values } = statement;
  const connection = connectionOf(client);
  if (connection.unreliable) return { text, values };
  let name = connection.names.get(text);
  if (name === undefined) {
    if (!seen.has(text)) {
      keep(seen, text);
      return { text, values };
    }
    counter += 1;
    name = `viewmill_${counter}`;
    const [oldest] = connection.names;
    if (oldest !== undefined && connection.names.size >= MOST_PREPARED) {
      connection.names.delete(oldest[0]);
      connection.evicted.push(oldest[1]);
    }
  } else {
    connection.names.delete(text);
  }
  connection.names.set(text, name);
  return { name, text, values };
}

/** After the end of a transaction, where the failure of one that was never parsed does no harm. */
export function deallocateEvicted(client: PoolClient): void {
  const connection = connectionOf(client);
  if (connection.evicted.length === 0) return;
  const { evicted } = connection;
  connection.evicted = [];
  for (const name of evicted) {
    client.query(`deallocate ${name}`).catch(() => undefined);
    // pg keeps every text it ever prepared.
    delete (client as { connection?: { parsedStatements?: Record<string, string> } }).connection?.parsedStatements?.[name];
  }
}

/** `invalid_sql_statement_name`, `duplicate_prepared_statement`: the server's statements are not those that pg remembers. */
export function isStatementLost(code: string | undefined): boolean {
  return code === '26000' || code === '42P05';
}

/** From now on nothing is prepared on this connection. */
export function stopPreparing(client: PoolClient): void {
  connectionOf(client).unreliable = true;
}

function connectionOf(client: PoolClient): Connection {
  let connection = connections.get(client);
  if (connection === undefined) {
    connection = { names: new Map(), evicted: [], unreliable: false };
    connections.set(client, connection);
  }
  return connection;
}

function keep(set: Set<string>, text: string): void {
  const [oldest] = set;
  if (oldest !== undefined && set.size >= MOST_SEEN) set.delete(oldest);
  set.add(text);
}
