import { Decimal } from 'decimal.js';
import { type ExactNumber, exactDigits, exactNumber } from './exact-number.ts';
import type { Item } from './json.ts';

/** Digits enough that sums and products of FHIR decimals (18 digits, by the specification) are exact many times over. */
const Exact = Decimal.clone({
  precision: 200,
  rounding: Decimal.ROUND_HALF_UP,
  minE: -9e15,
  maxE: 9e15,
  toExpNeg: -9e15,
  toExpPos: 9e15,
});

/** Places of a quotient. */
const QUOTIENT_PLACES = 8;

/** PostgreSQL's numeric ends there; beyond, digits are not written out. */
const MOST_ZEROS = 16_383;

/** A number: by value a JS number or, if that would lose a digit of the text, its text. */
export type Numeric = number | ExactNumber;

export function isNumeric(value: Item | undefined): value is Numeric {
  return typeof value === 'number' || (typeof value === 'object' && exactDigits(value) !== undefined);
}

/** The number that a text such as `4.10` or `-3` means, with its digits. */
export function numericOf(text: string): Numeric {
  const number = Number(text);
  return String(number) === text ? number : exactNumber(plainDigits(text));
}

/** The digits of a number, never with an exponent. */
export function digitsOf(value: Numeric): string {
  if (typeof value !== 'number') return exactDigits(value) ?? '';
  const text = String(value);
  return text.includes('e') ? plainDigits(text) : text;
}

/**
 * Writes an exponent out as PostgreSQL's numeric does: `1.50e1` is `15.0`, `1e-3` is `0.001`; no negative zero.
 * A text whose zeros PostgreSQL could not store either is left alone.
 */
export function plainDigits(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([-+]?\d+))?$/.exec(text) ?? [];
  const shift = Number(exponent);
  if (Math.abs(shift) > MOST_ZEROS) return text;
  const point = whole.length + shift;
  const digits = whole + fraction;
  const left = (point > 0 ? digits.slice(0, point).padEnd(point, '0') : '').replace(/^0+(?=\d)/, '') || '0';
  const right = point > 0 ? digits.slice(point) : '0'.repeat(-point) + digits;
  const plain = right === '' ? left : `${left}.${right}`;
  return /[1-9]/.test(plain) ? sign + plain : plain;
}

/** Less than, equal to or greater than 0 as `a` is to `b`. */
export function compareNumbers(a: Numeric, b: Numeric): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return exact(a).comparedTo(exact(b));
}

export function negate(value: Numeric): Numeric {
  if (typeof value === 'number') return 0 - value;
  const digits = digitsOf(value);
  return numericOf(digits.startsWith('-') ? digits.slice(1) : plainDigits(`-${digits}`));
}

type Operation = (left: Numeric, right: Numeric) => Numeric | undefined;

/** Exact arithmetic. Results carry no zeros at their end; integers that JS holds exactly never become Decimals. */
export const ARITHMETIC: Readonly<Record<'+' | '-' | '*' | '/' | 'div' | 'mod', Operation>> = {
  '+': (a, b) => safe(a, b, (x, y) => x + y) ?? result(exact(a).plus(exact(b))),
  '-': (a, b) => safe(a, b, (x, y) => x - y) ?? result(exact(a).minus(exact(b))),
  '*': (a, b) => safe(a, b, (x, y) => x * y) ?? result(exact(a).times(exact(b))),
  '/': (a, b) =>
    isZero(b)
      ? undefined
      : (safe(a, b, (x, y) => x / y) ?? result(exact(a).dividedBy(exact(b)).toDecimalPlaces(QUOTIENT_PLACES))),
  div: (a, b) =>
    isZero(b) ? undefined : (safe(a, b, (x, y) => Math.trunc(x / y)) ?? result(exact(a).dividedToIntegerBy(exact(b)))),
  mod: (a, b) => (isZero(b) ? undefined : (safe(a, b, (x, y) => x % y) ?? result(exact(a).modulo(exact(b))))),
};

/** `lowBoundary()` and `highBoundary()` of a decimal: half of the last written place below or above. */
export function decimalBoundary(value: Numeric, side: 'low' | 'high'): Numeric {
  const digits = digitsOf(value);
  const point = digits.indexOf('.');
  const places = point === -1 ? 0 : digits.length - point - 1;
  const half = new Exact(5).times(new Exact(10).pow(-places - 1));
  return result(side === 'low' ? exact(value).minus(half) : exact(value).plus(half));
}

/**
 * Rounds to a number of places, half away from zero, and keeps them all, as numeric(precision, scale) does.
 * @returns null if there are more digits before the point than the precision leaves room for.
 */
export function rescale(value: Numeric, precision: number, scale: number): Numeric | null {
  const rounded = exact(value).toDecimalPlaces(scale);
  if (rounded.abs().gte(new Exact(10).pow(precision - scale))) return null;
  return numericOf(rounded.isZero() ? rounded.abs().toFixed(scale) : rounded.toFixed(scale));
}

function safe(a: Numeric, b: Numeric, operation: (x: number, y: number) => number): number | undefined {
  if (!Number.isSafeInteger(a) || !Number.isSafeInteger(b)) return undefined;
  const value = operation(a as number, b as number);
  return Number.isSafeInteger(value) ? value + 0 : undefined;
}

function exact(value: Numeric): Decimal {
  return new Exact(typeof value === 'number' ? value : digitsOf(value));
}

function isZero(value: Numeric): boolean {
  return typeof value === 'number' ? value === 0 : exact(value).isZero();
}

function result(value: Decimal): Numeric {
  return numericOf(value.isZero() ? '0' : value.toFixed());
}
