import type { Boundary, CompareAs, Expression, SystemType, ValueType } from '@viewmill/fhirpath';
import type { Cast, Column, ColumnValue, Iteration, SelectPlan, ViewPlan } from '@viewmill/views';

/** Expressions and plans made by hand: what the back-end is given, without the compiler. */

const type = (system: SystemType | null, fhir = 'unknown'): ValueType => ({ fhir, system });

export const focus: Expression = { kind: 'focus', type: type(null), many: false };
export const resource: Expression = { kind: 'variable', name: 'resource', type: type(null), many: false };
export const context: Expression = { kind: 'variable', name: 'context', type: type(null), many: false };
export const rowIndex: Expression = { kind: 'rowIndex', type: type('Integer', 'integer'), many: false };
export const nothing: Expression = { kind: 'empty', type: type(null), many: false };

export const literal = (value: string | boolean, system: SystemType): Expression => ({
  kind: 'literal',
  value,
  type: type(system),
  many: false,
});
export const text = (value: string): Expression => literal(value, 'String');
export const integer = (value: number): Expression => literal(String(value), 'Integer');
export const decimal = (value: string): Expression => literal(value, 'Decimal');
export const bool = (value: boolean | null): Expression => (value === null ? nothing : literal(value, 'Boolean'));

/** `a.b*.c`: members from the focus or from another expression; a star says that the model allows several. */
export function path(names: string, source: Expression = focus): Expression {
  return names.split('.').reduce<Expression>((from, name) => {
    const many = name.endsWith('*');
    return { kind: 'member', source: from, key: many ? name.slice(0, -1) : name, type: type(null), many: many || from.many };
  }, source);
}

export const choice = (keys: readonly string[], source: Expression = focus): Expression => ({
  kind: 'choice',
  source,
  keys,
  type: type(null),
  many: source.many,
});
export const index = (source: Expression, at: Expression): Expression => ({
  kind: 'index',
  source,
  index: at,
  type: source.type,
  many: false,
});
export const first = (source: Expression): Expression => index(source, integer(0));
export const filter = (source: Expression, criteria: Expression): Expression => ({
  kind: 'filter',
  source,
  criteria,
  type: source.type,
  many: source.many,
});
export const ofResourceType = (source: Expression, resourceType: string): Expression => ({
  kind: 'ofResourceType',
  source,
  resourceType,
  type: source.type,
  many: source.many,
});
export const exists = (source: Expression, negate = false): Expression => ({
  kind: 'exists',
  source,
  negate,
  type: type('Boolean'),
  many: false,
});
export const count = (source: Expression): Expression => ({ kind: 'count', source, type: type('Integer'), many: false });
export const not = (operand: Expression): Expression => ({ kind: 'not', operand, type: type('Boolean'), many: false });
export const logic = (operator: 'and' | 'or' | 'xor' | 'implies', left: Expression, right: Expression): Expression => ({
  kind: 'logic',
  operator,
  left,
  right,
  type: type('Boolean'),
  many: false,
});
export const equality = (left: Expression, right: Expression, compareAs: CompareAs, negate = false): Expression => ({
  kind: 'equality',
  left,
  right,
  compareAs,
  negate,
  type: type('Boolean'),
  many: false,
});
export const comparison = (
  left: Expression,
  operator: '<' | '<=' | '>' | '>=',
  right: Expression,
  compareAs: CompareAs,
): Expression => ({ kind: 'comparison', left, operator, right, compareAs, type: type('Boolean'), many: false });
export const arithmetic = (left: Expression, operator: '+' | '-' | '*' | '/' | 'div' | 'mod', right: Expression): Expression => ({
  kind: 'arithmetic',
  left,
  operator,
  right,
  type: type('Decimal'),
  many: false,
});
export const minus = (operand: Expression): Expression => ({ kind: 'negate', operand, type: operand.type, many: false });
export const concat = (left: Expression, right: Expression, emptyAsText = false): Expression => ({
  kind: 'concat',
  left,
  right,
  emptyAsText,
  type: type('String'),
  many: false,
});
export const join = (source: Expression, separator: Expression): Expression => ({
  kind: 'join',
  source,
  separator,
  type: type('String'),
  many: false,
});
export const referenceKey = (source: Expression, resourceType: string | null = null): Expression => ({
  kind: 'referenceKey',
  source,
  resourceType,
  type: type('String'),
  many: source.many,
});
export const boundary = (source: Expression, side: 'low' | 'high', of: Boundary['of']): Expression => ({
  kind: 'boundary',
  source,
  side,
  of,
  type: source.type,
  many: false,
});
export const single = (source: Expression, at = 'path'): Expression => ({
  kind: 'single',
  source,
  at,
  type: source.type,
  many: false,
});

export function column(name: string, cast: Cast = 'text', options: { collection?: boolean; sqlType?: string } = {}): Column {
  return {
    name,
    path: name,
    description: null,
    fhirType: 'string',
    collection: options.collection ?? false,
    cast,
    sqlType: options.sqlType ?? cast,
    tags: [],
  };
}

export const value = (slot: number, expression: Expression): ColumnValue => ({ slot, expression, at: `column[${slot}]` });

export function select(columns: readonly ColumnValue[], rest: Partial<SelectPlan> = {}): SelectPlan {
  return { iterate: null, columns, selects: [], unionAll: [], ...rest };
}

export const forEach = (names: string): Iteration => ({ kind: 'forEach', path: path(names) });
export const forEachOrNull = (names: string): Iteration => ({ kind: 'forEachOrNull', path: path(names) });

export function plan(columns: readonly Column[], selects: readonly SelectPlan[], rest: Partial<ViewPlan> = {}): ViewPlan {
  return {
    name: 'v',
    title: null,
    description: null,
    resource: 'Patient',
    where: [],
    selects,
    columns,
    hash: '',
    needs: { id: true, meta: { version: false, tags: false }, whole: false, decimals: true, properties: [] },
    ...rest,
  };
}
