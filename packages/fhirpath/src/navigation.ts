import type { Choice, Expression, Member } from './expression.ts';
import { type ChoiceType, elementNames, elementOf, INTEGER, isA, isTypeName, splitChoice, UNKNOWN, valueType } from './model.ts';
import { emptyOf, focusOf, isNothing, literal, node, ofClass } from './nodes.ts';
import { identifier, type Syntax } from './parse.ts';
import { problem, type Scope } from './scope.ts';
import { didYouMean } from './suggest.ts';

/** A name at the beginning of an expression: an element of `$this`, or `$this` itself by its type's name (`Patient.name`). */
export function compileRootName(syntax: Syntax, scope: Scope): Expression {
  const name = identifier(syntax.text ?? '');
  const focus = focusOf(scope.focus);
  if (isA(scope.focus.fhir, name)) return focus;
  if (/^[A-Z]/u.test(name) && isTypeName(name) && elementOf(scope.focus.fhir, name) === undefined) {
    throw problem('VM1003', `the node here is ${scope.focus.fhir}, never ${name}`, syntax, scope);
  }
  return compileMember(focus, name, syntax, scope);
}

/** `source.name` @throws ViewmillError VM1003, VM1006 */
export function compileMember(source: Expression, name: string, syntax: Syntax, scope: Scope): Expression {
  if (source.kind === 'choice' && source.type.fhir === 'unknown') throw undecided(source, name, syntax, scope);
  if (source.type.fhir === 'unknown') return emptyOf(UNKNOWN);
  if (source.type.system !== null && (name === 'extension' || name === 'id')) return primitiveMember(source, name, syntax, scope);
  const element = elementOf(source.type.fhir, name);
  if (element === undefined) {
    if (scope.lenient === true) return emptyOf(UNKNOWN);
    throw unknownElement(source, name, syntax, scope);
  }
  const many = source.many || element.many;
  if (element.kind === 'choice')
    return isNothing(source) ? emptyOf(UNKNOWN) : choiceOf(source, element.types, UNKNOWN.fhir, many);
  if (isNothing(source)) return emptyOf(element.type);
  return node<Member>({ kind: 'member', type: element.type, many, source, key: name });
}

/** A choice narrowed to the properties of a type; a plain member if only one is left, empty if none is. */
export function narrow(choice: Choice, fhir: string, syntax: Syntax, scope: Scope): Expression {
  const kept = choice.keys.map((key) => choiceType(choice, key, syntax, scope)).filter((each) => isA(each.type.fhir, fhir));
  return kept.length === 0 ? emptyOf(valueType(fhir)) : choiceOf(choice.source, kept, fhir, choice.many);
}

/** `source[index]` */
export function compileIndex(source: Expression, index: Syntax, scope: Scope): Expression {
  const compiled = ofClass(scope.compile(index, scope), index, scope, ['Integer'], 'an index');
  if (isNothing(source) || isNothing(compiled)) return emptyOf(source.type);
  return itemAt(source, compiled);
}

/** The first item; a source that has at most one is itself its first. */
export function firstOf(source: Expression): Expression {
  return isNothing(source) ? source : itemAt(source, literal(INTEGER, '0'));
}

function itemAt(source: Expression, index: Expression): Expression {
  if (!source.many && index.kind === 'literal' && index.value === '0') return source;
  return node({ kind: 'index', type: source.type, many: false, source, index });
}

function choiceOf(source: Expression, types: readonly ChoiceType[], fhir: string, many: boolean): Expression {
  const [only] = types;
  if (types.length === 1 && only !== undefined)
    return node<Member>({ kind: 'member', type: only.type, many, source, key: only.key });
  const keys = Object.freeze(types.map((each) => each.key));
  return node<Choice>({ kind: 'choice', type: fhir === 'unknown' ? UNKNOWN : valueType(fhir), many, source, keys });
}

/** The type behind a choice's property, as the model has it for the choice's source. */
function choiceType(choice: Choice, key: string, syntax: Syntax, scope: Scope): ChoiceType {
  const split = splitChoice(choice.source.type.fhir, key);
  if (split === undefined) throw problem('VM1006', `${key} is no property of ${choice.source.type.fhir}`, syntax, scope);
  return { key, type: valueType(split.type) };
}

/** Extensions and id of a primitive stand in the sibling property `_name`. */
function primitiveMember(source: Expression, name: string, syntax: Syntax, scope: Scope): Expression {
  if (isNothing(source)) return emptyOf(valueType(name === 'id' ? 'string' : 'Extension'));
  if (source.kind !== 'member') {
    throw problem(
      'VM1002',
      `${name} of a primitive can be read only right behind the element's name (birthDate.extension(…))`,
      syntax,
      scope,
    );
  }
  const sibling = node<Member>({
    kind: 'member',
    type: valueType('Element'),
    many: source.many,
    source: source.source,
    key: `_${source.key}`,
  });
  return compileMember(sibling, name, syntax, scope);
}

function undecided(choice: Choice, name: string, syntax: Syntax, scope: Scope): Error {
  const fitting = choice.keys
    .map((key) => splitChoice(choice.source.type.fhir, key))
    .find((split) => split !== undefined && elementOf(split.type, name) !== undefined);
  const hint = fitting === undefined ? 'choose a type with ofType()' : `write ${fitting.element}.ofType(${fitting.type}).${name}`;
  return problem('VM1006', `the element before ".${name}" can have several types: ${hint}`, syntax, scope);
}

function unknownElement(source: Expression, name: string, syntax: Syntax, scope: Scope): Error {
  const { fhir, system } = source.type;
  const split = splitChoice(fhir, name);
  if (split !== undefined)
    return problem('VM1006', `write ${split.element}.ofType(${split.type}) instead of ${name}`, syntax, scope);
  if (system !== null) return problem('VM1003', `${fhir} is a primitive and has no element "${name}"`, syntax, scope);
  const hint = fhir === 'Resource' ? '; choose a resource type with ofType()' : didYouMean(name, elementNames(fhir));
  return problem('VM1003', `${fhir} has no element "${name}"${hint}`, syntax, scope);
}
