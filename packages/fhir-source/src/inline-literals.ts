import pg from 'pg';
import type { Sql } from 'sql-template-tag';

/**
 * A statement with its parameters written as literals: COPY takes no parameters.
 * @throws TypeError for a value that is not text, a number, a boolean, null or a list of those.
 */
export function inlineLiterals(query: Sql): string {
  return query.strings.reduce((text, part, index) => text + literal(query.values[index - 1]) + part);
}

function literal(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean')
    return pg.escapeLiteral(String(value));
  if (typeof value === 'string') return pg.escapeLiteral(value);
  if (Array.isArray(value)) return pg.escapeLiteral(`{${value.map(element).join(',')}}`);
  throw new TypeError('this value has no literal');
}

function element(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value !== 'string' && typeof value !== 'number') throw new TypeError('this value has no literal');
  return `"${String(value).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
