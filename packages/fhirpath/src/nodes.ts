import type { Empty, Expression, Filter, Focus, Literal, SystemType, ValueType } from './expression.ts';
import { BOOLEAN } from './model.ts';
import type { Syntax } from './parse.ts';
import { problem, type Scope } from './scope.ts';

/** Freezes a new node; its children are frozen already. */
export function node<T extends Expression>(content: T): T {
  return Object.freeze(content);
}

export function literal(type: ValueType, value: string | boolean): Literal {
  return node({ kind: 'literal', type, many: false, value });
}

export function emptyOf(type: ValueType): Empty {
  return node({ kind: 'empty', type, many: false });
}

export function focusOf(type: ValueType): Focus {
  return node({ kind: 'focus', type, many: false });
}

export function filter(source: Expression, criteria: Expression): Filter {
  return node({ kind: 'filter', type: source.type, many: source.many, source, criteria });
}

/** Known to be empty: `{}`, an impossible ofType(), or anything below an element that the model does not have. */
export function isNothing(expression: Expression): boolean {
  return expression.kind === 'empty' || (expression.type.fhir === 'unknown' && expression.kind !== 'choice');
}

/** At most one item: checked when it runs if the model allows several. */
export function single(expression: Expression, scope: Scope): Expression {
  if (!expression.many) return expression;
  return node({ kind: 'single', type: expression.type, many: false, source: expression, at: scope.text });
}

/**
 * Refuses a choice element that has no ofType() yet.
 * @throws ViewmillError VM1006
 */
export function decided(expression: Expression, syntax: Syntax, scope: Scope): Expression {
  if (expression.kind !== 'choice' || expression.type.fhir !== 'unknown') return expression;
  const types = expression.keys.slice(0, 3).join(', ');
  throw problem(
    'VM1006',
    `the element can be ${types}${expression.keys.length > 3 ? ', …' : ''}: choose one with ofType()`,
    syntax,
    scope,
  );
}

/** How a type is called in messages. */
export function typeText(type: ValueType): string {
  return type.fhir;
}

/** A single operand of one of the System classes; the known empty passes. @throws ViewmillError VM1004 */
export function operand(syntax: Syntax, scope: Scope, classes: readonly SystemType[], user: string): Expression {
  return ofClass(scope.compile(syntax, scope), syntax, scope, classes, user);
}

/** As `operand`, for an expression that is compiled already. */
export function ofClass(
  expression: Expression,
  syntax: Syntax,
  scope: Scope,
  classes: readonly SystemType[],
  user: string,
): Expression {
  decided(expression, syntax, scope);
  if (isNothing(expression)) return expression;
  if (expression.type.system === null || !classes.includes(expression.type.system)) {
    throw problem('VM1004', `${user} needs ${classes.join(' or ')}, not ${typeText(expression.type)}`, syntax, scope);
  }
  return single(expression, scope);
}

/** A Boolean operand of logic; the known empty becomes an empty Boolean. */
export function booleanOperand(expression: Expression, syntax: Syntax, scope: Scope, user: string): Expression {
  const checked = ofClass(expression, syntax, scope, ['Boolean'], user);
  return isNothing(checked) ? emptyOf(BOOLEAN) : checked;
}
