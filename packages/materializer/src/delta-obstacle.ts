import type { Queryable, Served } from '@viewmill/catalog';
import { ident } from '@viewmill/contracts';
import sql from 'sql-template-tag';
import { tablesOf } from './generation-table.ts';
import type { RefreshOptions } from './options.ts';

/** Why the view has to be built from every resource, as far as the catalog tells; null: its rows can be brought up to date. */
export async function deltaObstacle(
  client: Queryable,
  { name, plan, catalog, mode }: RefreshOptions,
  served: Served | null,
): Promise<string | null> {
  if (served === null) return 'the view is new';
  if (mode === 'full') return 'as asked';
  const { basis, generation, quarantineListed } = served;
  if (basis === null) return 'built by an earlier version of Viewmill';
  // The hash covers the compiler's version and the columns' types.
  if (basis.planHash !== plan.hash) return 'the definition, or the compiler, has changed';
  if (!quarantineListed) return 'too many resources are in quarantine to list them';
  const { rows, versions } = tablesOf(catalog.schema, generation);
  const found = await client.query<{ whole: boolean }>(sql`
    select to_regclass(${rows.text}) is not null and to_regclass(${versions.text}) is not null
      and to_regclass(${ident(catalog.schema, name).text}) is not null as whole`);
  return found.rows[0]?.whole === true ? null : 'its table or its view was removed';
}
