import type { Row, TestDatabase } from '@viewmill/testkit';
import type { ViewPlan } from '@viewmill/views';
import sql, { join, type Sql } from 'sql-template-tag';
import { compileToSql, type SqlOptions } from '../src/index.ts';

/** The relation that compileToSql reads, from JSON texts; ids and meta as the resources have them. */
export function relationOf(bodies: readonly string[]): Sql {
  if (bodies.length === 0)
    return sql`select 0::bigint as res_id, ''::text as id, ''::text as body, null::jsonb as meta where false`;
  const rows = bodies.map((body, index) => {
    const { id, meta } = JSON.parse(body) as { id?: string; meta?: unknown };
    return sql`(${index + 1}::bigint, ${id ?? null}::text, ${body}::text, ${meta === undefined ? null : JSON.stringify(meta)}::jsonb)`;
  });
  return sql`select * from (values ${join(rows)}) as v(res_id, id, body, meta)`;
}

/** The rows of the view as row_to_json texts, in order of resource and ordinal if there is one. */
export async function rowTexts(
  database: TestDatabase,
  plan: ViewPlan,
  bodies: readonly string[],
  options: SqlOptions = {},
): Promise<string[]> {
  const { rows } = compileToSql(plan, relationOf(bodies), options);
  const order = options.ordinal === true ? sql` order by found.res_id, found.ordinal` : sql``;
  const statement = sql`select row_to_json(found)::text as row from (${rows}) as found${order}`;
  const result = await database.pool.query<{ row: string }>({ text: statement.text, values: [...statement.values] });
  return result.rows.map(({ row }) => row);
}

/** The same, parsed; without `res_id` and `ordinal`. */
export async function rowsOf(
  database: TestDatabase,
  plan: ViewPlan,
  bodies: readonly string[],
  options: SqlOptions = {},
): Promise<Row[]> {
  const texts = await rowTexts(database, plan, bodies, options);
  return texts.map((text) => {
    const { res_id: _, ordinal: __, ...row } = JSON.parse(text) as Record<string, unknown>;
    return row;
  });
}
