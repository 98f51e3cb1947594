import type { Catalog, Generation } from '@viewmill/catalog';
import type { PoolClient } from 'pg';
import sql from 'sql-template-tag';
import { sqlState } from './failures.ts';
import { tablesOf } from './generation-table.ts';

/** Somebody still reads the table. */
const LOCK_NOT_AVAILABLE = '55P03';

/**
 * Drops tables of the view that do not serve it: retired ones, those of failed and killed builds. One that is still being
 * read is left to the next time.
 */
export async function dropLeftovers(client: PoolClient, catalog: Catalog, view: string): Promise<void> {
  for (const generation of await catalog.leftovers(client, view)) await dropGeneration(client, catalog, generation);
}

async function dropGeneration(client: PoolClient, catalog: Catalog, generation: Generation): Promise<void> {
  const { rows, versions } = tablesOf(catalog.schema, generation);
  await client.query('begin');
  try {
    // Whoever comes to read it now queues behind this: not for long.
    await client.query(sql`set local lock_timeout = '1s'`);
    await client.query(sql`drop table if exists ${rows}, ${versions}`);
    await catalog.forgetGeneration(client, generation);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    if (sqlState(error) !== LOCK_NOT_AVAILABLE) throw error;
  }
}
