import type { Row } from '@viewmill/backend-js';
import type { ViewPlan } from '@viewmill/views';
import type { Position } from '../cursor.ts';
import type { ResolvedSearch } from '../search-conditions.ts';
import type { Comparable } from './comparable.ts';
import { comparisonFor } from './filter.ts';

/** Where a row stands: its sort keys, then the position of its resource in the source, then its own among the resource's rows. */
export interface Place {
  readonly keys: readonly (Comparable | null)[];
  readonly resource: number;
  readonly ordinal: number;
}

/** The order of `orderBy` in cursor.ts: nulls last in either direction, and never two rows at one place. */
export interface Order {
  place(row: Row, resource: number, ordinal: number): Place;
  compare(a: Place, b: Place): number;
  /** The keys of a row as a cursor holds them. */
  texts(row: Row): readonly (string | null)[];
  /** @returns null for a key that is none of its column's type. */
  fromCursor(position: Position): Place | null;
}

export function orderOf(plan: ViewPlan, { sort }: ResolvedSearch): Order {
  const keys = sort.map(({ column, descending }) => ({
    index: plan.columns.indexOf(column),
    sign: descending ? -1 : 1,
    ...comparisonFor(column),
  }));
  return {
    place: (row, resource, ordinal) => ({
      keys: keys.map(({ index, of }) => {
        const value = row[index] ?? null;
        return value === null ? null : of(value);
      }),
      resource,
      ordinal,
    }),
    compare(a, b) {
      for (let index = 0; index < keys.length; index += 1) {
        const x = a.keys[index] ?? null;
        const y = b.keys[index] ?? null;
        const { sign, compare } = keys[index] as (typeof keys)[number];
        const order = x === null || y === null ? Number(x === null) - Number(y === null) : sign * compare(x, y);
        if (order !== 0) return order;
      }
      return a.resource - b.resource || a.ordinal - b.ordinal;
    },
    texts: (row) =>
      keys.map(({ index }) => {
        const value = row[index] ?? null;
        return value === null ? null : String(value);
      }),
    fromCursor(position) {
      const read = keys.map(({ read }, index) => {
        const text = position.keys[index] ?? null;
        return text === null ? null : read(text);
      });
      if (read.includes(undefined)) return null;
      return {
        keys: read as (Comparable | null)[],
        resource: Number(position.resId),
        ordinal: Number(position.ordinal),
      };
    },
  };
}
