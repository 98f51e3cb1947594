import type { ColumnInfo } from '@viewmill/contracts';
import type { Expression } from '@viewmill/fhirpath';
import type { Column, SelectPlan, ViewPlan } from '@viewmill/views';

export function describeColumns(plan: ViewPlan): readonly ColumnInfo[] {
  return plan.columns.map(({ name, fhirType, sqlType, description, collection }) => ({
    name,
    type: fhirType,
    sqlType,
    description,
    collection,
  }));
}

export function findColumn(plan: ViewPlan, name: string): Column | undefined {
  return plan.columns.find((column) => column.name === name);
}

/** The column that `patient` means: `patient_id`, else `subject_id`, else on a Patient view its id. */
export function patientColumn(plan: ViewPlan): Column | undefined {
  const named = findColumn(plan, 'patient_id') ?? findColumn(plan, 'subject_id');
  return named ?? (plan.resource === 'Patient' ? idColumn(plan) : undefined);
}

/** The column that holds the resource's own id in every row, if there is one. */
export function idColumn(plan: ViewPlan): Column | undefined {
  return plan.columns.find((column) => isIdColumn(plan, column));
}

export function isIdColumn(plan: ViewPlan, column: Column): boolean {
  const expression = resourceExpression(plan, plan.columns.indexOf(column));
  return !column.collection && column.cast === 'text' && expression !== null && memberOfResource(expression) === 'id';
}

/** The reference behind a column such as `subject.getReferenceKey(Patient)`: what HAPI's index of references can be asked for. */
export interface ReferenceColumn {
  /** A top-level element of the resource. */
  readonly element: string;
  /** Null: a reference of any type. */
  readonly targetType: string | null;
}

/** Null if the column is anything else than the key of one of the resource's own references. */
export function referenceColumn(plan: ViewPlan, column: Column): ReferenceColumn | null {
  const expression = resourceExpression(plan, plan.columns.indexOf(column));
  if (column.collection || column.cast !== 'text' || expression?.kind !== 'referenceKey') return null;
  const element = memberOfResource(expression.source);
  return element === null ? null : { element, targetType: expression.resourceType };
}

/**
 * The one expression that fills a slot, if it is evaluated on the resource itself and in every row; a slot that a union fills
 * from several branches has none.
 */
function resourceExpression(plan: ViewPlan, slot: number): Expression | null {
  const search = (selects: readonly SelectPlan[]): Expression | null => {
    for (const select of selects) {
      if (select.iterate !== null) continue;
      const own = select.columns.find((value) => value.slot === slot);
      if (own !== undefined) return own.expression;
      const below = search(select.selects);
      if (below !== null) return below;
    }
    return null;
  };
  return search(plan.selects);
}

/** The key of a plain member of the resource; null for any other expression. */
function memberOfResource(expression: Expression): string | null {
  const node = expression.kind === 'single' ? expression.source : expression;
  if (node.kind !== 'member') return null;
  return node.source.kind === 'focus' || node.source.kind === 'variable' ? node.key : null;
}
