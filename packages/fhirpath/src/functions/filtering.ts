import type { Equality, Expression } from '../expression.ts';
import { BOOLEAN, valueType } from '../model.ts';
import { compileMember, firstOf } from '../navigation.ts';
import { booleanOperand, decided, emptyOf, filter, focusOf, isNothing, node, ofClass } from '../nodes.ts';
import type { Syntax } from '../parse.ts';
import { type Call, expectArguments, type FunctionHandler, problem } from '../scope.ts';

/** The source's items for which the criteria is true. */
export function filtered(call: Call, criteria: Syntax): Expression {
  const source = decided(call.source, call.node, call.scope);
  const inner = { ...call.scope, focus: source.type };
  const condition = booleanOperand(call.scope.compile(criteria, inner), criteria, inner, `the criteria of ${call.name}()`);
  return isNothing(source) ? source : filter(source, condition);
}

const where: FunctionHandler = (call) => {
  expectArguments(call, 1);
  return filtered(call, call.args[0] as Syntax);
};

const first: FunctionHandler = (call) => {
  expectArguments(call, 0);
  return firstOf(decided(call.source, call.node, call.scope));
};

/** `extension(url)`: short for `extension.where(url = …)`. */
const extension: FunctionHandler = (call) => {
  expectArguments(call, 1);
  const { scope } = call;
  const syntax = call.args[0] as Syntax;
  const url = ofClass(scope.compile(syntax, scope), syntax, scope, ['String'], 'extension()');
  if (url.kind !== 'literal' && url.kind !== 'empty') {
    throw problem('VM1002', 'the url of extension() must be a string literal or a constant', syntax, scope);
  }
  const extensions = compileMember(call.source, 'extension', call.node, scope);
  if (isNothing(extensions)) return emptyOf(valueType('Extension'));
  if (url.kind === 'empty') return emptyOf(extensions.type);
  const left = compileMember(focusOf(extensions.type), 'url', call.node, scope);
  return filter(
    extensions,
    node<Equality>({ kind: 'equality', type: BOOLEAN, many: false, negate: false, compareAs: 'string', left, right: url }),
  );
};

export const filterFunctions = { where, first, extension } satisfies Readonly<Record<string, FunctionHandler>>;
