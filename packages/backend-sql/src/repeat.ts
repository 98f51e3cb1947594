import type { Expression } from '@viewmill/fhirpath';
import sql, { join, raw, type Sql } from 'sql-template-tag';
import type { Context } from './context.ts';
import { itemsOf, type One, one } from './sql-value.ts';

/**
 * The items that the paths reach from the focus, again and again, as a subquery (item, ord) with ord from 1: depth first, in
 * document order. The recursive query finds them breadth first; the way to each, (path, item) pairs, is the sort key.
 */
export function repeatItems(paths: readonly Expression[], context: Context, guard: Sql | null): Sql {
  const [tree, child] = [context.names.next('w'), context.names.next('w')];
  const children = (focus: One, condition: Sql | null): Sql =>
    join(
      paths.map((path, index) => {
        const rows = context.names.next('w');
        const value = context.compile(path, { ...context, focus, context: focus });
        return sql`select ${rows}.item, array[${raw(String(index))}, ${rows}.ord] as step from ${itemsOf(value, condition)} as ${rows}(item, ord)`;
      }),
      ' union all ',
    );
  return sql`(with recursive ${tree}(item, way) as (
      select ${child}.item, ${child}.step from (${children(context.focus, guard)}) as ${child}
      union all
      select ${child}.item, ${tree}.way || ${child}.step from ${tree} cross join lateral (${children(one('jsonb', sql`${tree}.item`, true), null)}) as ${child}
    ) select ${tree}.item, row_number() over (order by ${tree}.way) as ord from ${tree})`;
}
