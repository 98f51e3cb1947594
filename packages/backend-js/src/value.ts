import type { Json } from './json.ts';

/**
 * A column's value in a row, by the column's cast; null is SQL NULL.
 * - `text`, `date`, `time`, `timestamp`, `timestamptz`, `bytea`: a string that PostgreSQL reads as that type
 * - `boolean`: a boolean
 * - `integer`, `smallint`, `float8`: a number
 * - `numeric`, `bigint`: a number if `String(number)` is what the source has written (and has no exponent), else the
 *   digits as a string: `4.1` is a number, `4.10` is a string
 * - `json`: the FHIR structure, with an ExactNumber for such digits
 * - a `collection` column: an array of these without nulls, empty if there is no item; null only in the row of a forEachOrNull without items
 */
export type Value = Json;

/** The values in the order of `ViewPlan.columns`. */
export type Row = readonly Value[];
