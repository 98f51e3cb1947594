import type { Column } from '@viewmill/views';
import type { Sql } from 'sql-template-tag';
import sql, { join } from 'sql-template-tag';
import { columnOf } from './search-conditions.ts';

/** A row as one line of CSV (RFC 4180), without its end. Null is nothing at all, the empty text is `""`; lists and structures are JSON. */
export function csvLine(columns: readonly Column[]): Sql {
  if (columns.length === 0) return sql`''`;
  return join(
    columns.map((column) => sql`coalesce(${csvCell(column)}, '')`),
    ` || ',' || `,
  );
}

function csvCell(column: Column): Sql {
  const value = columnOf(column);
  if (column.collection || column.cast === 'json') return sql`'"' || replace(to_json(${value})::text, '"', '""') || '"'`;
  switch (column.cast) {
    case 'text':
    case 'bytea':
      return sql`case when ${value}::text ~ '[",\r\n]' or ${value}::text = '' then '"' || replace(${value}::text, '"', '""') || '"' else ${value}::text end`;
    // As in the JSON: with a T, and in UTC.
    case 'timestamp':
    case 'timestamptz':
      return sql`to_json(${value}) #>> '{}'`;
    default:
      return sql`${value}::text`;
  }
}

export function csvHeader(names: readonly string[]): string {
  return names.map((name) => (/[",\r\n]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name)).join(',');
}
