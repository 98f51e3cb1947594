import type { Expression } from '@viewmill/fhirpath';
import type { SelectPlan, ViewPlan } from '@viewmill/views';

/** Where a column's values stand in the resource. */
export interface ColumnValues {
  /** JSON keys from the resource on. Every value of the column is a value at this path; filters on the way may leave out some. */
  readonly path: readonly string[];
  /** The view with this column alone, for every resource of the type. */
  readonly plan: ViewPlan;
}

/** @returns null if the column is computed, is filled by the branches of a union, or comes from a `repeat`. */
export function columnValues(plan: ViewPlan, slot: number): ColumnValues | null {
  const column = plan.columns[slot];
  const found = search(plan.selects, slot, []);
  if (column === undefined || found === null) return null;
  return { path: found.path, plan: { ...plan, where: [], selects: [found.select], columns: [column] } };
}

interface Found {
  readonly path: readonly string[];
  readonly select: SelectPlan;
}

function search(selects: readonly SelectPlan[], slot: number, focus: readonly string[]): Found | null {
  for (const select of selects) {
    const base = iterated(select, focus);
    if (base === null) continue;
    const own = select.columns.find((value) => value.slot === slot);
    if (own !== undefined) {
      const path = pathOf(own.expression, base);
      return path === null ? null : { path, select: { ...select, columns: [{ ...own, slot: 0 }], selects: [], unionAll: [] } };
    }
    const below = search(select.selects, slot, base);
    if (below !== null) return { path: below.path, select: { ...select, columns: [], selects: [below.select], unionAll: [] } };
  }
  return null;
}

function iterated({ iterate }: SelectPlan, focus: readonly string[]): readonly string[] | null {
  if (iterate === null) return focus;
  return iterate.kind === 'repeat' ? null : pathOf(iterate.path, focus);
}

/** Only navigation and what picks among the items navigated to. */
function pathOf(expression: Expression, focus: readonly string[]): readonly string[] | null {
  switch (expression.kind) {
    case 'focus':
      return focus;
    case 'variable':
      return expression.name === 'resource' ? [] : focus;
    case 'member': {
      const source = pathOf(expression.source, focus);
      return source === null ? null : [...source, expression.key];
    }
    case 'filter':
    case 'index':
    case 'single':
      return pathOf(expression.source, focus);
    default:
      return null;
  }
}
