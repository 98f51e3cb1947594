import { ident, type JobResults, ViewmillError } from '@viewmill/contracts';
import sql from 'sql-template-tag';
import { sqlState } from './failures.ts';
import { dropLeftovers } from './leftovers.ts';
import type { DropOptions } from './options.ts';
import { dependentsOf } from './published-view.ts';
import { withViewLock } from './session.ts';

/**
 * Takes a materialized view away: the view, its rows and its metadata; its history and definition stay. Waits for a refresh that runs.
 * @throws ViewmillError VM2006 if it is not materialized, VM2008 if views of others depend on it, VM3006 when aborted
 */
export function dropView({ name, target, catalog, signal }: DropOptions): Promise<JobResults['drop']> {
  return withViewLock({ target, catalog, name, signal }, async ({ client, interruptible }) => {
    await client.query('begin');
    try {
      await catalog.removeView(client, name);
      const { rows } = await client.query<{ oid: number }>(sql`
        select c.oid from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where n.nspname = ${catalog.schema} and c.relname = ${name} and c.relkind = 'v'`);
      const oid = rows[0]?.oid;
      if (oid !== undefined) {
        const dependents = await dependentsOf(client, oid);
        if (dependents.length > 0) throw inUse(name, dependents);
        await interruptible(() => client.query(sql`drop view ${ident(catalog.schema, name)}`));
      }
      await client.query('commit');
    } catch (error) {
      await client.query('rollback').catch(() => undefined);
      throw sqlState(error) === '2BP01' ? inUse(name, ['other objects']) : error;
    }
    await dropLeftovers(client, catalog, name);
    return { view: name, dropped: true };
  });
}

function inUse(name: string, dependents: readonly string[]): ViewmillError {
  return new ViewmillError('VM2008', `these depend on ${name}: ${dependents.join(', ')}`, { at: name });
}
