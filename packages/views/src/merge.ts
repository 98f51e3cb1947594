import type { Expression } from '@viewmill/fhirpath';

/**
 * One expression for two compilations of the same text against different types: what is empty on one side is taken from
 * the other, and where one side can hold many items the result can. Undefined if the two read different things.
 */
export function merge(left: Expression, right: Expression): Expression | undefined {
  if (left.kind === 'empty') return right;
  if (right.kind === 'empty') return left;
  if (left.kind === 'focus' && right.kind === 'focus') return left;
  if (left.kind === 'single' && right.kind !== 'single') return mergeSingle(left, right);
  if (right.kind === 'single' && left.kind !== 'single') return mergeSingle(right, left);
  if (left.kind !== right.kind) return undefined;
  const merged: Record<string, unknown> = {};
  const other = new Map<string, unknown>(Object.entries(right));
  for (const [key, value] of Object.entries(left) as [string, unknown][]) {
    const result = mergeValue(key, value, other.get(key));
    if (result === undefined) return undefined;
    merged[key] = result;
  }
  return Object.freeze(merged) as unknown as Expression;
}

function mergeSingle(single: Extract<Expression, { kind: 'single' }>, plain: Expression): Expression | undefined {
  const source = merge(single.source, plain);
  return source === undefined ? undefined : Object.freeze({ ...single, source });
}

function mergeValue(key: string, left: unknown, right: unknown): unknown {
  if (key === 'many') return left === true || right === true;
  if (isExpression(left) && isExpression(right)) return merge(left, right);
  return JSON.stringify(left) === JSON.stringify(right) ? left : undefined;
}

function isExpression(value: unknown): value is Expression {
  return typeof value === 'object' && value !== null && 'kind' in value;
}
