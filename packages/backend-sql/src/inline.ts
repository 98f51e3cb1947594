import type { Sql } from 'sql-template-tag';

/**
 * The statement with its values as quoted literals, for statements that take no parameters (COPY, CREATE MATERIALIZED VIEW)
 * and for people. Values are written as `pg` would send them: untyped texts whose type PostgreSQL infers.
 * @throws RangeError for a text with a NUL character, TypeError for a value that is no text, number, boolean, date, bytes or list of those.
 */
export function inlineParameters(statement: Sql): string {
  return statement.values.reduce<string>((text, value, index) => {
    const space = /\w$/.test(text) ? ' ' : '';
    return `${text}${space}${literal(value)}${statement.strings[index + 1] ?? ''}`;
  }, statement.strings[0] ?? '');
}

function literal(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  return quote(Array.isArray(value) ? arrayText(value) : plainText(value));
}

function plainText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString('hex')}`;
  throw new TypeError(`a value of type ${typeof value} cannot be written into SQL`);
}

function arrayText(values: readonly unknown[]): string {
  const items = values.map((value) => {
    if (value === null || value === undefined) return 'NULL';
    return Array.isArray(value) ? arrayText(value) : `"${plainText(value).replace(/["\\]/g, '\\$&')}"`;
  });
  return `{${items.join(',')}}`;
}

/** Safe whatever standard_conforming_strings is: a text with a backslash is an E'' string. */
function quote(text: string): string {
  if (text.includes('\0')) throw new RangeError('PostgreSQL texts cannot hold NUL');
  const quoted = text.replaceAll("'", "''");
  return quoted.includes('\\') ? `E'${quoted.replaceAll('\\', '\\\\')}'` : `'${quoted}'`;
}
