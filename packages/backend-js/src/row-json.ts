import type { Cast, Column, ViewPlan } from '@viewmill/views';
import { LosslessNumber, parse } from 'lossless-json';
import { exactNumber } from './exact-number.ts';
import type { Json } from './json.ts';
import { toJsonText } from './json-text.ts';
import { instantOf, readDateTime } from './temporal.ts';
import { formatInstant, withZone } from './temporal-cast.ts';
import type { Row, Value } from './value.ts';

/** JSON whose numbers are JS numbers, or LosslessNumbers where those would lose a digit (`4.10`). */
export type PlainJson =
  | string
  | number
  | boolean
  | null
  | LosslessNumber
  | readonly PlainJson[]
  | { readonly [key: string]: PlainJson };

/** A row as an object of JSON values by column name, as PostgreSQL's row_to_json gives it with the time zone UTC. */
export function rowToJson(plan: ViewPlan, row: Row): { readonly [column: string]: PlainJson } {
  return parse(rowToJsonText(plan, row), undefined, { parseNumber }) as { readonly [column: string]: PlainJson };
}

/** The text of `rowToJson`, with exact digits. */
export function rowToJsonText(plan: ViewPlan, row: Row): string {
  return toJsonText(
    Object.fromEntries(plan.columns.map((column, index) => [column.name, columnToJson(column, row[index] ?? null)])),
  );
}

function parseNumber(text: string): number | LosslessNumber {
  const number = Number(text);
  return String(number) === text ? number : new LosslessNumber(text);
}

function columnToJson(column: Column, value: Value): Json {
  const show = SHOW[column.cast];
  if (value === null || show === undefined) return value;
  return column.collection ? (value as readonly Value[]).map((item) => (item === null ? null : show(item))) : show(value);
}

/** Casts whose value is not its own JSON. */
const SHOW: Readonly<Partial<Record<Cast, (value: Value) => Json>>> = {
  numeric: exactJson,
  bigint: exactJson,
  timestamptz: (value) => {
    const text = readDateTime(value);
    // Only a year that is not FHIR's cannot be read back; such a value has PostgreSQL's form already.
    return text === null ? (value as string).replace('Z', '+00:00') : withZone(formatInstant(instantOf(text)), '+00:00');
  },
  timestamp: (value) => withoutZeros(value as string),
  time: (value) => withoutZeros(value as string),
};

function exactJson(value: Value): Json {
  return typeof value === 'string' ? exactNumber(value) : value;
}

function withoutZeros(time: string): string {
  return time.includes('.') ? time.replace(/\.?0+$/, '') : time;
}
