import { ident } from '@viewmill/contracts';
import type { ViewPlan } from '@viewmill/views';
import pg from 'pg';
import sql, { join, raw, type Sql } from 'sql-template-tag';

/** COMMENT ON for a table or view and its columns, from the definition's title and descriptions: one text of several statements. */
export function commentsOn(kind: 'table' | 'view', relation: Sql, plan: ViewPlan): Sql {
  const about = [plan.title, plan.description].filter((text) => text !== null).join('. ');
  const statements = [
    sql`comment on ${raw(kind)} ${relation} is ${literal(about === '' ? null : about)}`,
    ...plan.columns.map(({ name, description }) => sql`comment on column ${relation}.${ident(name)} is ${literal(description)}`),
  ];
  return join(statements, '; ');
}

/** COMMENT takes no parameters. */
function literal(text: string | null): Sql {
  return raw(text === null ? 'null' : pg.escapeLiteral(text.replaceAll('\0', '')));
}
