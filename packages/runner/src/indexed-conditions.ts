import {
  findIndexedElement,
  type HapiLayout,
  type IndexCoverage,
  type IndexedElement,
  instantRange,
  restrictToDates,
  restrictToTokens,
} from '@viewmill/fhir-source';
import type { ViewPlan } from '@viewmill/views';
import type { Pool } from 'pg';
import type { Sql } from 'sql-template-tag';
import { type ColumnValues, columnValues } from './column-values.ts';
import { indexCoverages } from './index-coverages.ts';
import type { ColumnCondition } from './search-conditions.ts';

/**
 * Narrows by column conditions through HAPI's indexes of codes and dates, where the index is proved to hold the column's values.
 * Nothing depends on it but the time: the columns are compared as well.
 * @returns for a search, conditions on `r` (hfj_resource). `narrowed`: something else narrows the search already, so it does not
 * wait for a proof that is not ready.
 */
export function indexedConditions(
  source: Pool,
  layout: HapiLayout,
): (plan: ViewPlan, conditions: readonly ColumnCondition[], narrowed: boolean) => Promise<readonly Sql[]> {
  const coverages = indexCoverages(source, layout);
  const found = new WeakMap<ViewPlan, Map<ColumnCondition['column'], Indexed | null>>();

  function lookUp(plan: ViewPlan, column: ColumnCondition['column']): Indexed | null {
    let columns = found.get(plan);
    if (columns === undefined) {
      columns = new Map();
      found.set(plan, columns);
    }
    let indexed = columns.get(column);
    if (indexed === undefined) {
      const values = columnValues(plan, plan.columns.indexOf(column));
      const element = values === null ? null : findIndexedElement(layout, plan.resource, values.path);
      indexed = values === null || element === null ? null : { values, element };
      columns.set(column, indexed);
    }
    return indexed;
  }

  return async (plan, conditions, narrowed) => {
    const restrictions = await Promise.all(
      conditions.map(async (condition) => {
        const indexed = lookUp(plan, condition.column);
        if (indexed === null || restrict(layout, indexed.element, NOTHING_COVERED, condition) === null) return null;
        const coverage = await coverages(indexed.element, indexed.values.plan, !narrowed);
        return coverage === null ? null : restrict(layout, indexed.element, coverage, condition);
      }),
    );
    return restrictions.filter((restriction) => restriction !== null);
  };
}

interface Indexed {
  readonly values: ColumnValues;
  readonly element: IndexedElement;
}

/** To see whether a condition can be narrowed at all, before a coverage is read. */
const NOTHING_COVERED: IndexCoverage = { unindexed: [], since: '-infinity' };

function restrict(
  layout: HapiLayout,
  element: IndexedElement,
  coverage: IndexCoverage,
  { column, operator, values }: ColumnCondition,
): Sql | null {
  if (element.kind !== 'date') {
    const equal = operator === 'eq' || operator === 'in';
    return equal && column.cast === 'text' ? restrictToTokens(layout, element, coverage, values) : null;
  }
  // As text, dates are compared by code point: another order.
  if (column.cast !== 'date' && column.cast !== 'timestamptz' && column.cast !== 'timestamp') return null;
  // PostgreSQL reads more than FHIR does: what FHIR does not is left to the column.
  const ranges = values.map(instantRange).filter((range) => range !== null);
  if (ranges.length < values.length) return null;
  return restrictToDates(layout, element, coverage, operator === 'in' ? 'eq' : operator, ranges);
}
