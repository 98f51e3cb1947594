import type { Lane, QueryJob, Search } from '@viewmill/contracts';
import { isSmall } from './formats.ts';

/** Fields whose equality leaves few rows: the resource's own id, the patient, any other key. */
const KEY = /^(_id|id|patient)$|_id$/;

/** Look-ups are interactive: counts, pages, what belongs to one key. Whatever may read a whole view is heavy. */
export function laneOf({ kind, search }: Pick<QueryJob, 'kind' | 'search'>): Lane {
  return kind !== 'rows' || isSmall(search) || hasKey(search) ? 'interactive' : 'heavy';
}

function hasKey({ conditions }: Search): boolean {
  return conditions.some(({ field, operator }) => (operator === 'eq' || operator === 'in') && KEY.test(field));
}
