import type { GenerationTables } from '@viewmill/catalog';
import { ident } from '@viewmill/contracts';
import type { ViewPlan } from '@viewmill/views';
import type { PoolClient } from 'pg';
import sql, { join } from 'sql-template-tag';
import { type CopySink, copySink } from './copy-sink.ts';

/**
 * Opens `COPY` for encoded rows.
 * @param frozen the table was made in the same transaction: its rows need no later freezing.
 */
export function rowsSink(client: PoolClient, tables: GenerationTables, plan: ViewPlan, frozen: boolean): CopySink {
  const columns = join([sql`res_id`, sql`ordinal`, ...plan.columns.map(({ name }) => ident(name))]);
  const options = frozen ? sql`(freeze, encoding 'UTF8')` : sql`(encoding 'UTF8')`;
  return copySink(client, sql`copy ${tables.rows} (${columns}) from stdin with ${options}`);
}
