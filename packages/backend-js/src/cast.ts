import { ViewmillError } from '@viewmill/contracts';
import type { Cast, Column } from '@viewmill/views';
import { toJsonText } from './json-text.ts';
import type { Item } from './json.ts';
import { digitsOf, isNumeric, type Numeric, rescale } from './numbers.ts';
import { castDate, castTime, castTimestamp, castTimestamptz } from './temporal-cast.ts';
import type { Value } from './value.ts';

/** @returns undefined for a value that does not fit. */
type CastItem = (item: Item) => Value | undefined;

const BASE64 = /^[A-Za-z0-9+/\s]*={0,2}\s*$/;

/**
 * The function that writes an item as the column's type.
 * It throws ViewmillError VM1203 for a value of another JSON type than the cast's and for a number that is out of range.
 */
export function castOf(column: Column): (item: Item) => Value {
  const cast = column.cast === 'numeric' ? numericCast(column.sqlType) : CASTS[column.cast];
  return (item) => {
    const value = cast(item);
    if (value === undefined) throw new ViewmillError('VM1203', `column ${column.name}: a value is not of type ${column.sqlType} or out of its range`, { at: column.name });
    return value;
  };
}

const CASTS: Readonly<Record<Cast, CastItem>> = {
  text: (item) => (typeof item === 'string' ? item : isNumeric(item) ? digitsOf(item) : toJsonText(item)),
  boolean: (item) => (typeof item === 'boolean' ? item : undefined),
  integer: (item) => within(item, 2_147_483_647),
  smallint: (item) => within(item, 32_767),
  bigint: (item) => {
    if (!isNumeric(item)) return undefined;
    if (Number.isSafeInteger(item)) return item as number;
    const digits = digitsOf(item).replace(/\.0+$/, '');
    return /^-?\d{1,19}$/.test(digits) && BigInt.asIntN(64, BigInt(digits)) === BigInt(digits) ? shortest(digits) : undefined;
  },
  numeric: (item) => (isNumeric(item) ? written(item) : undefined),
  float8: (item) => {
    const number = isNumeric(item) ? Number(digitsOf(item)) : Number.NaN;
    return Number.isFinite(number) ? number : undefined;
  },
  date: castDate,
  timestamptz: castTimestamptz,
  timestamp: castTimestamp,
  time: castTime,
  bytea: (item) => (typeof item === 'string' && BASE64.test(item) ? `\\x${Buffer.from(item, 'base64').toString('hex')}` : undefined),
  json: (item) => item,
};

function within(item: Item, most: number): number | undefined {
  const number = isNumeric(item) && typeof item !== 'number' ? Number(digitsOf(item)) : item;
  return Number.isInteger(number) && (number as number) <= most && (number as number) >= -most - 1 ? (number as number) + 0 : undefined;
}

/** `numeric`, or `numeric(precision, scale)` which rounds. */
function numericCast(sqlType: string): CastItem {
  const [, precision, scale = '0'] = /\((\d+)(?:,\s*(\d+))?\)/.exec(sqlType) ?? [];
  if (precision === undefined) return CASTS.numeric;
  return (item) => {
    const rounded = isNumeric(item) ? rescale(item, Number(precision), Number(scale)) : null;
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
