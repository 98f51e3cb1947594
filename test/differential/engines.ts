import { compileRows, parseResource, rowToJsonText } from '@viewmill/backend-js';
import { compileToSql, decodeSqlError } from '@viewmill/backend-sql';
import { ident, ViewmillError } from '@viewmill/contracts';
import type { ViewPlan } from '@viewmill/views';
import type { Pool } from 'pg';
import sql from 'sql-template-tag';

/** What an engine gives: rows as JSON texts behind the position of their resource, sorted; or the code of its error. */
export type Outcome = { readonly rows: readonly string[] } | { readonly error: string };

/** Loads the resources into a table that both engines read: position, id, JSON text. */
export async function loadResources(pool: Pool, resourceType: string, lines: readonly string[]): Promise<void> {
  await pool.query(sql`create table ${ident(resourceType)} (res_id bigint primary key, id text not null, body text not null)`);
  const ids = lines.map((line) => (JSON.parse(line) as { id: string }).id);
  await pool.query(
    sql`insert into ${ident(resourceType)} select ordinality, id, body from unnest(${ids}::text[], ${lines}::text[]) with ordinality as t(id, body)`,
  );
  await pool.query(sql`analyze ${ident(resourceType)}`);
}

export async function runSql(pool: Pool, plan: ViewPlan): Promise<Outcome> {
  const relation = sql`select res_id, id, body, (body::jsonb) -> 'meta' as meta from ${ident(plan.resource)}`;
  const { rows } = compileToSql(plan, relation, { ordinal: true });
  try {
    const answer = await pool.query<{ text: string }>(sql`select row_to_json(v)::text as text from (${rows}) v`);
    return { rows: answer.rows.map(({ text }) => canonical(text)).sort() };
  } catch (error) {
    const decoded = decodeSqlError(error);
    if (decoded === null) throw error;
    return { error: decoded.code };
  }
}

export function runJs(lines: readonly string[], plan: ViewPlan): Outcome {
  const rows = compileRows(plan);
  const found: string[] = [];
  try {
    lines.forEach((line, index) => {
      let ordinal = 0;
      rows(parseResource(line, { decimals: plan.needs.decimals }), (row) => {
        found.push(canonical(`{"res_id":${index + 1},"ordinal":${ordinal++},${rowToJsonText(plan, row).slice(1)}`));
      });
    });
  } catch (error) {
    if (error instanceof ViewmillError) return { error: error.code };
    throw error;
  }
  return { rows: found.sort() };
}

/** The same text for the same row: numbers by value (0.50 is 0.5), no spaces. Column order is kept: it is part of the result. */
function canonical(text: string): string {
  return JSON.stringify(JSON.parse(text));
}
