import type { Arithmetic, Concat, Expression, SystemType, ValueType } from './expression.ts';
import { DECIMAL, INTEGER, STRING } from './model.ts';
import { decided, emptyOf, isNothing, node, ofClass, single, typeText } from './nodes.ts';
import { operandsOf } from './operators.ts';
import type { Syntax } from './parse.ts';
import { problem, type Scope } from './scope.ts';

const NUMBERS: readonly SystemType[] = ['Integer', 'Decimal'];

/** `+ - * / div mod &` */
export function compileArithmetic(syntax: Syntax, scope: Scope): Expression {
  const operator = syntax.text ?? '';
  const [leftSyntax, rightSyntax] = operandsOf(syntax);
  const left = decided(scope.compile(leftSyntax, scope), leftSyntax, scope);
  const right = decided(scope.compile(rightSyntax, scope), rightSyntax, scope);
  if (operator === '&' || (operator === '+' && (left.type.system === 'String' || right.type.system === 'String'))) {
    const strings = [
      ofClass(left, leftSyntax, scope, ['String'], operator),
      ofClass(right, rightSyntax, scope, ['String'], operator),
    ] as const;
    return concat(strings[0], strings[1], operator === '&');
  }
  for (const [side, at] of [
    [left, leftSyntax],
    [right, rightSyntax],
  ] as const) {
    if (isNothing(side) || isNumber(side.type)) continue;
    const hint = side.type.system === 'Date' || side.type.system === 'DateTime' ? '; dates are not calculated with' : '';
    throw problem('VM1004', `${operator} needs numbers, not ${typeText(side.type)}${hint}`, at, scope);
  }
  const type = resultOf(operator as Arithmetic['operator'], left.type, right.type);
  if (isNothing(left) || isNothing(right)) return emptyOf(type);
  return node<Arithmetic>({
    kind: 'arithmetic',
    type,
    many: false,
    operator: operator as Arithmetic['operator'],
    left: single(left, scope),
    right: single(right, scope),
  });
}

/** Unary `-` and `+` */
export function compilePolarity(syntax: Syntax, scope: Scope): Expression {
  const [inner] = syntax.children ?? [];
  if (inner === undefined) throw new TypeError('polarity without an operand');
  const operand = ofClass(scope.compile(inner, scope), inner, scope, NUMBERS, `unary ${syntax.text ?? ''}`);
  if (syntax.text === '+' || isNothing(operand)) return operand;
  const type = operand.type.system === 'Integer' ? INTEGER : DECIMAL;
  return node({ kind: 'negate', type, many: false, operand });
}

function concat(left: Expression, right: Expression, emptyAsText: boolean): Expression {
  if (!emptyAsText && (isNothing(left) || isNothing(right))) return emptyOf(STRING);
  return node<Concat>({ kind: 'concat', type: STRING, many: false, emptyAsText, left, right });
}

function isNumber(type: ValueType): boolean {
  return type.system !== null && NUMBERS.includes(type.system);
}

function resultOf(operator: Arithmetic['operator'], left: ValueType, right: ValueType): ValueType {
  if (operator === 'div') return INTEGER;
  if (operator === '/') return DECIMAL;
  return left.system === 'Decimal' || right.system === 'Decimal' ? DECIMAL : INTEGER;
}
