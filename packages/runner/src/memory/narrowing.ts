import { type Narrowing, patientElement } from '@viewmill/fhir-source';
import type { Column, ViewPlan } from '@viewmill/views';
import { isIdColumn, referenceColumn } from '../columns.ts';
import type { ResolvedSearch } from '../search-conditions.ts';

/**
 * What the source and a look at the text can leave out before anything is parsed; every row is compared again. A server that is asked
 * for a patient leaves out references to another server's patient of the same id; read otherwise, such a row would match.
 */
export interface Narrowed {
  readonly source: Narrowing;
  /** Whether the JSON text can belong to a match. */
  readonly mayMatch: (text: string) => boolean;
}

const ID = /^[A-Za-z0-9\-.]{1,64}$/;

export function narrow(plan: ViewPlan, search: ResolvedSearch): Narrowed {
  const keys = keyConditions(search);
  const own = [...search.ids, ...keys.filter(({ column }) => isIdColumn(plan, column)).map(({ ids }) => ids)];
  const references = keys.flatMap(({ column, ids }) => {
    const reference = referenceColumn(plan, column);
    return reference === null ? [] : [{ ...reference, ids }];
  });
  const element = patientElement(plan.resource);
  const patients = references.find((key) => key.element === element && key.targetType === 'Patient');
  const mustHold = [...own, ...references.map(({ ids }) => ids)];
  return {
    source: { ids: own[0], patients: patients?.ids, updated: search.updated.flatMap(boundsOf) },
    // An id stands in the text as it is, unless it is written with escapes.
    mayMatch: (text) => mustHold.every((ids) => ids.some((id) => text.includes(id))) || text.includes('\\u'),
  };
}

/** Columns that must equal one of some ids. */
function keyConditions({ patients, columns }: ResolvedSearch): { readonly column: Column; readonly ids: readonly string[] }[] {
  const equal = columns.filter(
    ({ operator, values }) => (operator === 'eq' || operator === 'in') && values.every((value) => ID.test(value)),
  );
  return [...patients, ...equal.map(({ column, values }) => ({ column, ids: values }))];
}

function boundsOf({ operator, range: { from, to } }: ResolvedSearch['updated'][number]): NonNullable<Narrowing['updated']> {
  switch (operator) {
    case 'eq':
      return [{ from, to }];
    case 'ne':
      return [];
    case 'gt':
      return [{ from: to }];
    case 'ge':
      return [{ from }];
    case 'lt':
      return [{ to: from }];
    case 'le':
      return [{ to }];
  }
}
