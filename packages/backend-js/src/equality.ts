import type { CompareAs } from '@viewmill/fhirpath';
import { type Item, isObject, type Json, NONE } from './json.ts';
import { compareNumbers, isNumeric, type Numeric } from './numbers.ts';
import { compareTemporal, readDateTime, readTime, type TemporalText } from './temporal.ts';

/** Below, at or above 0; undefined if the two cannot be compared (FHIRPath: empty). */
export type Order = (left: Item, right: Item) => number | undefined;
/** Undefined: unknown (FHIRPath: empty). */
export type Equal = (left: Item, right: Item) => boolean | undefined;

export const ORDER: Readonly<Record<CompareAs, Order>> = {
  boolean: () => undefined,
  string: (a, b) => (typeof a === 'string' && typeof b === 'string' ? compareStrings(a, b) : undefined),
  number: (a, b) => (isNumeric(a) && isNumeric(b) ? compareNumbers(a, b) : undefined),
  temporal: temporalOrder(readDateTime),
  time: temporalOrder(readTime),
  deep: () => undefined,
  never: () => undefined,
};

/** The last right side is remembered: it is a constant as a rule. */
function temporalOrder(read: (text: unknown) => TemporalText | null): Order {
  let last: Item | undefined;
  let right: TemporalText | null = null;
  return (a, b) => {
    if (b !== last) {
      right = read(b);
      last = b;
    }
    const left = right === null ? null : read(a);
    return left === null || right === null ? undefined : compareTemporal(left, right);
  };
}

const equalByOrder =
  (order: Order): Equal =>
  (a, b) => {
    const difference = order(a, b);
    return difference === undefined ? undefined : difference === 0;
  };

export const EQUAL: Readonly<Record<CompareAs, Equal>> = {
  boolean: (a, b) => a === b,
  string: (a, b) => a === b,
  number: (a, b) => (typeof a === 'number' && typeof b === 'number' ? a === b : equalByOrder(ORDER.number)(a, b)),
  temporal: equalByOrder(ORDER.temporal),
  time: equalByOrder(ORDER.time),
  deep: (a, b) => deepEqual(a, b),
  never: () => false,
};

/** Equality of collections (FHIRPath §6.1): as many items, pairwise equal in order; one unknown pair and no different one is unknown. */
export function equalCollections(left: readonly Item[], right: readonly Item[], equal: Equal): boolean | undefined {
  if (left.length === 0 || right.length === 0) return undefined;
  if (left.length !== right.length) return false;
  let answer: boolean | undefined = true;
  for (let index = 0; index < left.length; index += 1) {
    const pair = equal(left[index] as Item, right[index] as Item);
    if (pair === false) return false;
    if (pair === undefined) answer = undefined;
  }
  return answer;
}

/** By code point. UTF-16 puts surrogates (U+10000 and above) before U+E000: they are moved behind. */
export function compareStrings(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index += 1) {
    const x = a.charCodeAt(index);
    const y = b.charCodeAt(index);
    if (x !== y) return codePointRank(x) - codePointRank(y);
  }
  return a.length - b.length;
}

function codePointRank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000;
}

/** Structure by structure; numbers by value, the order of properties does not count. */
function deepEqual(a: Json, b: Json): boolean {
  if (a === b) return true;
  if (isNumber(a) || isNumber(b)) return isNumber(a) && isNumber(b) && compareNumbers(a, b) === 0;
  if (Array.isArray(a) || Array.isArray(b)) {
    return (
      Array.isArray(a) &&
      Array.isArray(b) &&
      a.length === b.length &&
      a.every((item: Json, index) => deepEqual(item, (b as Json[])[index] ?? null))
    );
  }
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && deepEqual(a[key] ?? null, b[key] ?? null));
}

function isNumber(value: Json): value is Numeric {
  return value !== null && !Array.isArray(value) && isNumeric(value as Item);
}

/** One item or none as a collection. */
export function asItems(item: Item | undefined): readonly Item[] {
  return item === undefined ? NONE : [item];
}
