import sql, { type Sql } from 'sql-template-tag';
import { table } from '../tables.ts';

/** What delta refreshes need to know of a generation, and what the history says of them. */
export function delta(schema: string): readonly Sql[] {
  return [
    // Null: built before this, or to be built in full next time.
    sql`alter table ${table(schema, '_view')}
      add column revision bigint not null default 0,
      add column source_key text,
      add column live_epoch text,
      add column live_xmin text`,
    sql`alter table ${table(schema, '_refresh')} add column why text, add column changed bigint`,
  ];
}
