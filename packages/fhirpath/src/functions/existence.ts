import type { Expression } from '../expression.ts';
import { BOOLEAN, INTEGER } from '../model.ts';
import { booleanOperand, emptyOf, isNothing, node } from '../nodes.ts';
import type { Syntax } from '../parse.ts';
import { expectArguments, type FunctionHandler } from '../scope.ts';
import { filtered } from './filtering.ts';

function existsNode(source: Expression, negate: boolean): Expression {
  return node({ kind: 'exists', type: BOOLEAN, many: false, source, negate });
}

const exists: FunctionHandler = (call) => {
  expectArguments(call, 0, 1);
  return existsNode(call.args.length === 0 ? call.source : filtered(call, call.args[0] as Syntax), false);
};

const empty: FunctionHandler = (call) => {
  expectArguments(call, 0);
  return existsNode(call.source, true);
};

const count: FunctionHandler = (call) => {
  expectArguments(call, 0);
  return node({ kind: 'count', type: INTEGER, many: false, source: call.source });
};

const not: FunctionHandler = (call) => {
  expectArguments(call, 0);
  const operand = booleanOperand(call.source, call.node, call.scope, 'not()');
  return isNothing(operand) ? emptyOf(BOOLEAN) : node({ kind: 'not', type: BOOLEAN, many: false, operand });
};

export const existenceFunctions = { exists, empty, count, not } satisfies Readonly<Record<string, FunctionHandler>>;
