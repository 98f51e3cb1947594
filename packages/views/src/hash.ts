import { createHash } from 'node:crypto';
import type { ViewPlan } from './plan.ts';

/** Raise it whenever the same plan may give other rows than before: materialized views are then built anew. */
export const COMPILER_VERSION = 1;

/** SHA-256 (hex) over the compiler's version and the plan as canonical JSON: members sorted by name, no white space. */
export function planHash(plan: Omit<ViewPlan, 'hash'>): string {
  return createHash('sha256')
    .update(`viewmill plan ${COMPILER_VERSION}\n${canonical(plan)}`)
    .digest('hex');
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`).join(',')}}`;
}
