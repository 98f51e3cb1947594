import type { Expression, Literal } from '@viewmill/fhirpath';
import sql, { raw, type Sql } from 'sql-template-tag';

/** A jsonpath that starts at `base` (jsonb). Always lax: what is not there is empty, and an array is unwrapped by every step. */
export interface JsonPath {
  readonly base: Sql;
  /** What follows `$`, e.g. `."name"."given"`. */
  readonly steps: string;
  /** The path ends in a filter: at single items that are not null. */
  readonly filtered: boolean;
}

/** Nulls are FHIR's placeholders in arrays of primitives; they are no items. */
const NO_NULLS = ' ? (@ != null)';

/** Between steps, lax mode unwraps arrays by itself, and faster. */
const ITEMS = '[*]';

/** Text that is safe between plain quotes; a path with literals of the ViewDefinition in it is a parameter. */
const PLAIN_PATH = /^[\w\s$."[\]*?()@!=&|<>-]*$/;

/** The whole of a jsonb value. */
export function pathFrom(base: Sql): JsonPath {
  return { base, steps: '', filtered: false };
}

export function appendStep(path: JsonPath, key: string): JsonPath {
  return { base: path.base, steps: `${path.steps}.${JSON.stringify(key)}`, filtered: false };
}

export function appendFilter(path: JsonPath, predicate: string): JsonPath {
  return {
    base: path.base,
    steps: `${path.steps}${path.filtered ? '' : ITEMS + (holdsForNull(predicate) ? NO_NULLS : '')} ? (${predicate})`,
    filtered: true,
  };
}

/** `!exists(…)` and `@ != …` let a null through. */
function holdsForNull(predicate: string): boolean {
  return predicate.includes('!');
}

/** The path as an SQL expression of type jsonpath. */
export function renderPath(path: JsonPath): Sql {
  const text = `$${path.steps}${path.filtered ? '' : ITEMS + NO_NULLS}`;
  return PLAIN_PATH.test(text) ? raw(`'${text}'`) : sql`${text}::jsonpath`;
}

/**
 * A `where()` criterion as a jsonpath predicate, if it can be one: tests of members against literals, joined by and/or.
 * There "unknown" and "false" are one, as they are for a filter; `not()` would tell them apart, so it is left to SQL.
 */
export function toPredicate(criteria: Expression): string | null {
  switch (criteria.kind) {
    case 'logic': {
      if (criteria.operator !== 'and' && criteria.operator !== 'or') return null;
      const left = toPredicate(criteria.left);
      const right = toPredicate(criteria.right);
      return left === null || right === null ? null : `(${left} ${criteria.operator === 'and' ? '&&' : '||'} ${right})`;
    }
    case 'exists': {
      const path = itemPath(criteria.source, true);
      return path === null ? null : `${criteria.negate ? '!' : ''}exists(${path}${NO_NULLS})`;
    }
    case 'equality':
      return compare(criteria.left, criteria.negate ? '!=' : '==', criteria.right, criteria.compareAs);
    case 'comparison':
      return criteria.compareAs === 'number' ? compare(criteria.left, criteria.operator, criteria.right, 'number') : null;
    default:
      return null;
  }
}

function compare(left: Expression, operator: string, right: Expression, compareAs: string): string | null {
  if (compareAs !== 'string' && compareAs !== 'boolean' && compareAs !== 'number') return null;
  const path = itemPath(left, false);
  const literal = right.kind === 'literal' ? literalText(right, compareAs) : null;
  return path === null || literal === null ? null : `${path} ${operator} ${literal}`;
}

/** JSON's escapes are jsonpath's, too. NUL cannot be in PostgreSQL's text at all. */
function literalText({ value }: Literal, compareAs: 'string' | 'boolean' | 'number'): string | null {
  if (compareAs === 'string') return typeof value === 'string' && !value.includes('\0') ? JSON.stringify(value) : null;
  if (compareAs === 'boolean') return typeof value === 'boolean' ? String(value) : null;
  return typeof value === 'string' && /^\d+(\.\d+)?$/.test(value) ? value : null;
}

function itemPath(node: Expression, many: boolean): string | null {
  if (node.kind === 'focus') return '@';
  if (node.kind !== 'member' || (node.many && !many)) return null;
  const source = itemPath(node.source, many);
  return source === null ? null : `${source}.${JSON.stringify(node.key)}${node.many ? '[*]' : ''}`;
}
