import type { JsonObject, Row, Value } from '@viewmill/backend-js';
import type { Column, ViewPlan } from '@viewmill/views';
import { baseType, type ColumnCondition, invalid, type ResolvedSearch } from '../search-conditions.ts';
import { type Comparable, type Comparison, comparisonOf } from './comparable.ts';
import { readInstant } from './comparable-times.ts';

/** A search as functions: what `columnConditions` and the restrictions of fhir-source are in SQL. */
export interface Filter {
  readonly resource: (resource: JsonObject) => boolean;
  readonly row: (row: Row) => boolean;
}

/** @throws ViewmillError VM2009 for a value that is none of its column's type. */
export function compileFilter(plan: ViewPlan, search: ResolvedSearch): Filter {
  const onResource = [
    ...search.ids.map((ids) => {
      const wanted = new Set<unknown>(ids);
      return ({ id }: JsonObject) => wanted.has(id);
    }),
    ...search.updated.map(compileUpdated),
  ];
  const onRow = [
    ...search.columns.map((condition) => compileCondition(plan, condition)),
    ...search.patients.map(({ column, ids }) => {
      const index = plan.columns.indexOf(column);
      // A view may keep the reference as written.
      const keys = new Set<unknown>(ids.flatMap((id) => [id, `Patient/${id}`]));
      return (row: Row) => keys.has(row[index]);
    }),
  ];
  return {
    resource: (resource) => onResource.every((holds) => holds(resource)),
    row: (row) => onRow.every((holds) => holds(row)),
  };
}

function compileCondition(plan: ViewPlan, { column, operator, values }: ColumnCondition): (row: Row) => boolean {
  const index = plan.columns.indexOf(column);
  const comparison = comparisonFor(column);
  const given = values.map((text) => {
    const value = comparison.read(text);
    if (value === undefined) throw invalid(column.name, `a value is no ${baseType(column)}`);
    return value;
  });
  const isOne = column.cast === 'text' ? isOneOfTexts(given) : isOneOf(given, comparison);
  const holds: (value: Value) => boolean = column.collection
    ? (items) => (items as readonly Value[]).some((item) => item !== null && isOne(item))
    : isOne;
  const test = operator === 'eq' || operator === 'in' || operator === 'ne' ? holds : ordered(operator, given[0], comparison);
  const wanted = operator !== 'ne';
  return (row) => {
    const value = row[index] ?? null;
    return value !== null && test(value) === wanted;
  };
}

function isOneOfTexts(given: readonly Comparable[]): (value: Value) => boolean {
  const texts = new Set<unknown>(given);
  return (value) => texts.has(value);
}

function isOneOf(given: readonly Comparable[], { of, compare }: Comparison): (value: Value) => boolean {
  return (value) => {
    const own = of(value);
    return given.some((other) => compare(own, other) === 0);
  };
}

function ordered(
  operator: 'gt' | 'ge' | 'lt' | 'le',
  given: Comparable | undefined,
  { of, compare }: Comparison,
): (value: Value) => boolean {
  return (value) => {
    const order = compare(of(value), given ?? '');
    return operator === 'gt' ? order > 0 : operator === 'ge' ? order >= 0 : operator === 'lt' ? order < 0 : order <= 0;
  };
}

/** A resource that does not say when it was written matches nothing. */
function compileUpdated({ operator, range }: ResolvedSearch['updated'][number]): (resource: JsonObject) => boolean {
  const from = readInstant(range.from, 'instant') ?? 0n;
  const to = readInstant(range.to, 'instant') ?? 0n;
  return ({ meta }) => {
    const { lastUpdated } = (meta ?? {}) as { readonly lastUpdated?: Value };
    const at = typeof lastUpdated === 'string' ? readInstant(lastUpdated, 'instant') : undefined;
    if (at === undefined) return false;
    switch (operator) {
      case 'eq':
        return at >= from && at < to;
      case 'ne':
        return at < from || at >= to;
      case 'gt':
        return at >= to;
      case 'ge':
        return at >= from;
      case 'lt':
        return at < from;
      case 'le':
        return at < to;
    }
  };
}

/** Search and sort have been checked: no column of a structure is in them. */
export function comparisonFor(column: Column): Comparison {
  const comparison = comparisonOf(column.cast);
  if (comparison === null) throw new RangeError(`${column.name} cannot be compared`);
  return comparison;
}
