import { ViewmillError } from '@viewmill/contracts';
import type { Cast, Column } from '@viewmill/views';
import type { Item } from './json.ts';
import { toJsonText } from './json-text.ts';
import { digitsOf, isNumeric, type Numeric, rescale } from './numbers.ts';
import { castDate, castTime, castTimestamp, castTimestamptz } from './temporal-cast.ts';
import type { Value } from './value.ts';

/** @returns null for a value of another JSON type than the cast's; undefined for a number out of range. */
type CastItem = (item: Item) => Value | undefined;

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * The function that writes an item as the column's type. An item of another JSON type than its FHIR type has is null.
 * It throws ViewmillError VM1203 for a number that is out of the type's range.
 */
export function castOf(column: Column): (item: Item) => Value {
  const cast = column.cast === 'numeric' ? numericCast(column.sqlType) : CASTS[column.cast];
  return (item) => {
    const value = cast(item);
    if (value === undefined) {
      throw new ViewmillError('VM1203', `column ${column.name}: a number is out of the range of ${column.sqlType}`, {
        at: column.name,
      });
    }
    return value;
  };
}

const CASTS: Readonly<Record<Cast, CastItem>> = {
  text: (item) => (typeof item === 'string' ? item : isNumeric(item) ? digitsOf(item) : toJsonText(item)),
  boolean: (item) => (typeof item === 'boolean' ? item : null),
  integer: (item) => within(item, 2_147_483_647),
  smallint: (item) => within(item, 32_767),
  bigint: (item) => {
    if (!isNumeric(item)) return null;
    if (Number.isSafeInteger(item)) return (item as number) + 0;
    const rounded = rescale(item, BIGINT_DIGITS, 0);
    const digits = rounded === null ? '' : digitsOf(rounded);
    return digits !== '' && BigInt.asIntN(64, BigInt(digits)) === BigInt(digits) ? shortest(digits) : undefined;
  },
  numeric: (item) => (isNumeric(item) ? written(item) : null),
  float8: (item) => {
    if (!isNumeric(item)) return null;
    const number = Number(digitsOf(item));
    return Number.isFinite(number) ? number : undefined;
  },
  date: castDate,
  timestamptz: castTimestamptz,
  timestamp: castTimestamp,
  time: castTime,
  bytea: (item) => (typeof item === 'string' ? decodeBase64(item.replace(/\s/g, '')) : null),
  json: (item) => item,
};

const BIGINT_DIGITS = 19;

/** Integers are as they are; a fraction is rounded half away from zero, as PostgreSQL does. */
function within(item: Item, most: number): number | null | undefined {
  if (!isNumeric(item)) return null;
  const number = typeof item === 'number' ? item : Number(digitsOf(item));
  const rounded = Number.isInteger(number) ? number + 0 : Math.sign(number) * Math.round(Math.abs(number)) + 0;
  return rounded <= most && rounded >= -most - 1 ? rounded : undefined;
}

/** PostgreSQL's text form of bytea; what is not base64 is null. */
function decodeBase64(text: string): string | null {
  return text.length % 4 === 0 && BASE64.test(text) ? `\\x${Buffer.from(text, 'base64').toString('hex')}` : null;
}

/** `numeric`, or `numeric(precision, scale)` which rounds. */
function numericCast(sqlType: string): CastItem {
  const [, precision, scale = '0'] = /\((\d+)(?:,\s*(\d+))?\)/.exec(sqlType) ?? [];
  if (precision === undefined) return CASTS.numeric;
  return (item) => {
    if (!isNumeric(item)) return null;
    const rounded = rescale(item, Number(precision), Number(scale));
    return rounded === null ? undefined : written(rounded);
  };
}

function written(value: Numeric): number | string | undefined {
  // The usual case, without the cost of a text: a number that String() writes without an exponent.
  if (typeof value === 'number' && (value === 0 || (Math.abs(value) >= 1e-6 && Math.abs(value) < 1e21))) return value + 0;
  const digits = digitsOf(value);
  return digits.includes('e') || digits.includes('E') ? undefined : shortest(digits);
}

function shortest(digits: string): number | string {
  const number = Number(digits);
  return String(number) === digits ? number : digits;
}
