import { Decimal } from 'decimal.js';

/** Exact: a JS number stands for the decimal number that String() writes. */
export type Exact = number | Decimal;

const NUMBER = /^\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*$/;
const INFINITE = /^\s*([+-]?)inf(?:inity)?\s*$/i;
const NOT_A_NUMBER = /^\s*nan\s*$/i;

/** So many digits of a decimal number always come back from a double. */
const SAFE_DIGITS = 15;
/** Digits before the point that PostgreSQL's numeric can hold. */
const MAX_EXPONENT = 131_072;

/** NaN equals itself and is above everything else, as in PostgreSQL. */
export function compareNumbers(a: Exact, b: Exact): number {
  if (typeof a === 'number' && typeof b === 'number') {
    if (a < b) return -1;
    if (a > b) return 1;
    return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  }
  const x = new Decimal(a);
  const y = new Decimal(b);
  return x.isNaN() || y.isNaN() ? Number(x.isNaN()) - Number(y.isNaN()) : x.cmp(y);
}

export function readNumeric(text: string): Exact | undefined {
  const digits = NUMBER.exec(text)?.[1];
  if (digits === undefined) return readSpecial(text);
  const [mantissa = '', exponent = '0'] = digits.toLowerCase().split('e');
  if (Math.abs(Number(exponent)) > MAX_EXPONENT) return undefined;
  const significant = mantissa.replace(/[+.-]/g, '').replace(/^0+/, '');
  const number = Number(digits);
  const fits = number === 0 ? significant === '' : Math.abs(number) > 1e-300 && Math.abs(number) < 1e300;
  return fits && significant.length <= SAFE_DIGITS ? number : new Decimal(digits);
}

/** Undefined for what is too large, or so small that it would be 0. */
export function readFloat(text: string): number | undefined {
  const digits = NUMBER.exec(text)?.[1];
  if (digits === undefined) return readSpecial(text);
  const number = Number(digits);
  const isZero = !/[1-9]/.test(digits.split(/[eE]/)[0] ?? '');
  return Number.isFinite(number) && (number !== 0 || isZero) ? number : undefined;
}

export function readInteger(text: string, bits: number): Exact | undefined {
  const digits = /^\s*([+-]?\d+)\s*$/.exec(text)?.[1];
  if (digits === undefined || digits.length > 40) return undefined;
  const value = BigInt(digits.replace('+', ''));
  return BigInt.asIntN(bits, value) === value ? readNumeric(value.toString()) : undefined;
}

function readSpecial(text: string): number | undefined {
  if (NOT_A_NUMBER.test(text)) return Number.NaN;
  const sign = INFINITE.exec(text)?.[1];
  if (sign === undefined) return undefined;
  return sign === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}
