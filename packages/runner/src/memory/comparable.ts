import type { Value } from '@viewmill/backend-js';
import type { Cast } from '@viewmill/views';
import { compareNumbers, readFloat, readInteger, readNumeric } from './comparable-numbers.ts';
import { readInstant, readTime } from './comparable-times.ts';

/*
 * PostgreSQL's comparisons, by a column's type: what a text means as the type, and which of two values is the smaller.
 */

/** A value of a column or of a search, in a form that can be compared. Never null. */
export type Comparable = Parameters<typeof compareNumbers>[0] | string | bigint | boolean;

export interface Comparison {
  /** A value of a search or a cursor; undefined if it is none of the type, where PostgreSQL would fail too. */
  readonly read: (text: string) => Comparable | undefined;
  /** A value of a row. */
  readonly of: (value: Value) => Comparable;
  /** Below, at or above 0. */
  readonly compare: (a: Comparable, b: Comparable) => number;
}

/** @returns null for structures, which cannot be compared. */
export function comparisonOf(cast: Cast): Comparison | null {
  return COMPARISONS[cast];
}

const numbers = (read: (text: string) => Comparable | undefined): Comparison => ({
  read,
  of: (value) => (typeof value === 'number' ? value : (readNumeric(String(value)) ?? Number.NaN)),
  compare: compareNumbers as Comparison['compare'],
});

const ofString = (read: (text: string) => Comparable | undefined): Comparison => ({
  read,
  // Values of rows were made by the casts of the back-end, which this reads back.
  of: (value) => read(value as string) ?? '',
  compare: smaller,
});

const COMPARISONS: Readonly<Record<Cast, Comparison | null>> = {
  text: { read: (text) => text, of: (value) => value as string, compare: byCodePoint as Comparison['compare'] },
  boolean: { read: readBoolean, of: (value) => value as boolean, compare: smaller },
  smallint: numbers((text) => readInteger(text, 16)),
  integer: numbers((text) => readInteger(text, 32)),
  bigint: numbers((text) => readInteger(text, 64)),
  numeric: numbers(readNumeric),
  float8: numbers(readFloat),
  date: ofString((text) => readInstant(text, 'date')),
  timestamp: ofString((text) => readInstant(text, 'local')),
  timestamptz: ofString((text) => readInstant(text, 'instant')),
  time: ofString(readTime),
  bytea: { read: readBytes, of: (value) => (value as string).slice(2), compare: smaller },
  json: null,
};

function smaller(a: Comparable, b: Comparable): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** JavaScript compares UTF-16 units, in which U+1F600 is below U+FF21. */
function byCodePoint(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index += 1) {
    const x = a.charCodeAt(index);
    const y = b.charCodeAt(index);
    if (x === y) continue;
    const isPairX = isSurrogate(x);
    return isPairX === isSurrogate(y) ? x - y : isPairX ? 1 : -1;
  }
  return a.length - b.length;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}

/** Any beginning of a word that says which word it is. */
function readBoolean(text: string): boolean | undefined {
  const word = text.trim().toLowerCase();
  if (/^(t(r(ue?)?)?|y(es?)?|on|1)$/.test(word)) return true;
  return /^(f(a(l(se?)?)?)?|no?|off?|0)$/.test(word) ? false : undefined;
}

/** Hexadecimal digits of bytes written in either of PostgreSQL's forms. */
function readBytes(text: string): string | undefined {
  if (text.startsWith('\\x')) {
    const digits = text.slice(2).replace(/\s/g, '').toLowerCase();
    return /^([0-9a-f]{2})*$/.test(digits) ? digits : undefined;
  }
  if (/\\(?!\\|[0-3][0-7]{2})/.test(text.replaceAll('\\\\', ''))) return undefined;
  const parts = text.match(/\\\\|\\[0-3][0-7]{2}|[^\\]+/g) ?? [];
  return parts.map((part) => bytesOf(part).toString('hex')).join('');
}

function bytesOf(part: string): Buffer {
  if (!part.startsWith('\\')) return Buffer.from(part);
  return part === '\\\\' ? Buffer.from('\\') : Buffer.of(Number.parseInt(part.slice(1), 8));
}
