import { raw, type Sql } from 'sql-template-tag';

/**
 * The one function that quotes SQL identifiers. Parts are joined by dots: `ident('sqlonfhir', 'patient_simple')`.
 * @throws RangeError for an empty part or one with a NUL character, which PostgreSQL cannot hold.
 */
export function ident(...parts: readonly string[]): Sql {
  return raw(
    parts
      .map((part) => {
        if (part === '' || part.includes('\0')) throw new RangeError('an SQL identifier cannot be empty or hold NUL');
        return `"${part.replaceAll('"', '""')}"`;
      })
      .join('.'),
  );
}
