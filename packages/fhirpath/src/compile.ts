import { compileArithmetic, compilePolarity } from './arithmetic.ts';
import { compileConstant } from './constants.ts';
import type { Expression } from './expression.ts';
import { fault } from './fault.ts';
import { FUNCTIONS } from './functions/table.ts';
import { compileLiteral } from './literals.ts';
import { compileIndex, compileMember, compileRootName } from './navigation.ts';
import { decided, focusOf } from './nodes.ts';
import { compileComparison, compileEquality, compileLogic, operandsOf } from './operators.ts';
import { identifier, parseText, type Syntax, unwrap } from './parse.ts';
import { type CompileOptions, problem, type Scope } from './scope.ts';
import { didYouMean } from './suggest.ts';

/**
 * FHIRPath text to typed expression: every name resolved against FHIR R4, every cardinality known, every node frozen.
 * @throws ViewmillError VM1001 to VM1006 with one diagnostic: code, JSON path (`options.at`) and position in the text.
 */
export function compilePath(text: string, options: CompileOptions): Expression {
  if (text.length > LONGEST) throw fault('VM1001', `the text is longer than ${LONGEST} characters`, options.at, undefined);
  if (depthOf(text) > DEEPEST) throw fault('VM1001', `the text has more than ${DEEPEST} open brackets`, options.at, undefined);
  const scope: Scope = { ...options, text, focus: options.context, compile };
  try {
    return compile(parseText(text, options.at), scope);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw fault('VM1001', 'the text is nested too deeply', options.at, undefined);
  }
}

/** In characters. Texts come from anybody who may query; parsing this much takes about half a second. */
const LONGEST = 10_000;

/** A broken text with 1000 open brackets keeps the parser busy for ten seconds, one with 100 for a tenth of a second. */
const DEEPEST = 100;

/** The most brackets open at once; those in strings count too, which does no harm at this limit. */
function depthOf(text: string): number {
  let [depth, deepest] = [0, 0];
  for (const character of text) {
    if (character === '(' || character === '[') deepest = Math.max(deepest, ++depth);
    else if (character === ')' || character === ']') depth--;
  }
  return deepest;
}

type SyntaxHandler = (syntax: Syntax, scope: Scope) => Expression;

function unsupported(what: string, instead: string): SyntaxHandler {
  return (syntax, scope) => {
    throw problem(
      'VM1002',
      `${what.replace('{}', syntax.text ?? '')} is not supported${instead === '' ? '' : `: ${instead}`}`,
      syntax,
      scope,
    );
  };
}

const HANDLERS: Readonly<Record<string, SyntaxHandler>> = {
  LiteralTerm: compileLiteral,
  ExternalConstantTerm: compileConstant,
  MemberInvocation: compileRootName,
  ThisInvocation: (_, scope) => focusOf(scope.focus),
  FunctionInvocation: (syntax, scope) => compileCall(focusOf(scope.focus), syntax, scope),
  InvocationExpression: compileInvocation,
  IndexerExpression: (syntax, scope) => {
    const [source, index] = operandsOf(syntax);
    return compileIndex(decided(scope.compile(source, scope), source, scope), index, scope);
  },
  PolarityExpression: compilePolarity,
  MultiplicativeExpression: compileArithmetic,
  AdditiveExpression: compileArithmetic,
  EqualityExpression: compileEquality,
  InequalityExpression: compileComparison,
  AndExpression: compileLogic,
  OrExpression: compileLogic,
  ImpliesExpression: compileLogic,
  TypeExpression: unsupported('the operator {}', 'use ofType()'),
  UnionExpression: unsupported('the operator |', 'use unionAll or several columns'),
  MembershipExpression: unsupported('the operator {}', 'use where() with ='),
  IndexInvocation: unsupported('$index', 'use %rowIndex'),
  TotalInvocation: unsupported('$total', ''),
  InstanceSelectorTerm: unsupported('building an instance', ''),
};

function compile(node: Syntax, scope: Scope): Expression {
  const syntax = unwrap(node);
  const handler = HANDLERS[syntax.type];
  if (handler === undefined) throw problem('VM1002', `${syntax.type} is not supported`, syntax, scope);
  return handler(syntax, scope);
}

function compileInvocation(syntax: Syntax, scope: Scope): Expression {
  const [left, invocation] = operandsOf(syntax);
  const source = scope.compile(left, scope);
  if (invocation.type === 'MemberInvocation') return compileMember(source, identifier(invocation.text ?? ''), invocation, scope);
  if (invocation.type === 'FunctionInvocation') return compileCall(source, invocation, scope);
  throw problem('VM1002', '$this, $index and $total cannot follow a dot', invocation, scope);
}

/** Functions of FHIRPath that are left out on purpose, with what serves instead. */
const INSTEAD: Readonly<Record<string, string>> = {
  is: 'use ofType()',
  as: 'use ofType()',
  select: 'write the path, or use forEach',
  iif: 'use where()',
  last: 'use first() or an index',
  all: 'use exists() with not()',
  contains: 'use =',
  matches: 'use =',
  single: 'a column is single by itself',
  hasValue: 'use exists()',
  resolve: 'join views by getReferenceKey()',
  repeat: 'use the repeat of a select',
  toString: 'declare the column type',
};

function compileCall(source: Expression, syntax: Syntax, scope: Scope): Expression {
  const name = identifier(syntax.text ?? '');
  const handler = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
  if (handler === undefined) {
    const instead = Object.hasOwn(INSTEAD, name) ? `: ${INSTEAD[name]}` : didYouMean(name, Object.keys(FUNCTIONS));
    throw problem('VM1002', `the function ${name}() is not supported${instead}`, syntax, scope);
  }
  const [call] = syntax.children ?? [];
  const args = call?.children?.filter((child) => child.type === 'ParamList').flatMap((list) => list.children ?? []) ?? [];
  return handler({ name, node: syntax, source, args, scope });
}
