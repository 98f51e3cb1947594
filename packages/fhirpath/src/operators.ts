import type { CompareAs, Comparison, Equality, Expression, Logic, SystemType, ValueType } from './expression.ts';
import { BOOLEAN, isA } from './model.ts';
import { booleanOperand, decided, emptyOf, isNothing, node, single, typeText } from './nodes.ts';
import type { Syntax } from './parse.ts';
import { problem, type Scope } from './scope.ts';

const CLASSES: Readonly<Record<SystemType, Exclude<CompareAs, 'deep' | 'never'>>> = {
  Boolean: 'boolean',
  String: 'string',
  Integer: 'number',
  Decimal: 'number',
  Date: 'temporal',
  DateTime: 'temporal',
  Time: 'time',
};

/** The two operands of a binary operator. */
export function operandsOf(syntax: Syntax): readonly [Syntax, Syntax] {
  const [left, right] = syntax.children ?? [];
  if (left === undefined || right === undefined) throw new TypeError(`${syntax.type} without two operands`);
  return [left, right];
}

/** `=` and `!=`; `~` and `!~` are not supported. */
export function compileEquality(syntax: Syntax, scope: Scope): Expression {
  if (syntax.text !== '=' && syntax.text !== '!=')
    throw problem('VM1002', `the operator ${syntax.text ?? ''} is not supported: use = or !=`, syntax, scope);
  const [left, right] = operandsOf(syntax).map((each) => decided(scope.compile(each, scope), each, scope)) as [
    Expression,
    Expression,
  ];
  if (isNothing(left) || isNothing(right)) return emptyOf(BOOLEAN);
  const compareAs = equalityOf(left.type, right.type);
  if (compareAs === undefined)
    throw problem('VM1002', 'quantities are not compared as a whole: compare value and code', syntax, scope);
  return node<Equality>({ kind: 'equality', type: BOOLEAN, many: false, negate: syntax.text === '!=', compareAs, left, right });
}

function equalityOf(left: ValueType, right: ValueType): CompareAs | undefined {
  if (left.system !== null && right.system !== null) {
    return CLASSES[left.system] === CLASSES[right.system] ? CLASSES[left.system] : 'never';
  }
  if (left.system !== null || right.system !== null) return 'never';
  // FHIRPath compares quantities by converting units, which is not structural.
  if (isA(left.fhir, 'Quantity') && isA(right.fhir, 'Quantity')) return undefined;
  return isA(left.fhir, right.fhir) || isA(right.fhir, left.fhir) ? 'deep' : 'never';
}

/** `<`, `<=`, `>`, `>=` @throws ViewmillError VM1004 for classes that have no common order */
export function compileComparison(syntax: Syntax, scope: Scope): Expression {
  const operator = syntax.text as Comparison['operator'];
  const sides = operandsOf(syntax);
  const [left, right] = sides.map((each) => decided(scope.compile(each, scope), each, scope)) as [Expression, Expression];
  for (const [index, side] of [left, right].entries()) {
    const { system } = side.type;
    if (isNothing(side) || (system !== null && system !== 'Boolean')) continue;
    const hint = isA(side.type.fhir, 'Quantity') ? ': compare its value' : '';
    throw problem('VM1004', `${operator} cannot order ${typeText(side.type)}${hint}`, sides[index] ?? syntax, scope);
  }
  if (isNothing(left) || isNothing(right)) return emptyOf(BOOLEAN);
  const compareAs = equalityOf(left.type, right.type);
  if (compareAs === undefined || compareAs === 'never') {
    throw problem('VM1004', `${operator} cannot compare ${typeText(left.type)} with ${typeText(right.type)}`, syntax, scope);
  }
  return node<Comparison>({
    kind: 'comparison',
    type: BOOLEAN,
    many: false,
    operator,
    compareAs,
    left: single(left, scope),
    right: single(right, scope),
  });
}

/** `and`, `or`, `xor`, `implies` */
export function compileLogic(syntax: Syntax, scope: Scope): Expression {
  const operator = syntax.text as Logic['operator'];
  const [left, right] = operandsOf(syntax).map((each) => booleanOperand(scope.compile(each, scope), each, scope, operator)) as [
    Expression,
    Expression,
  ];
  return node<Logic>({ kind: 'logic', type: BOOLEAN, many: false, operator, left, right });
}
