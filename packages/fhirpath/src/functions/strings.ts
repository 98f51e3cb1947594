import { STRING } from '../model.ts';
import { decided, emptyOf, isNothing, literal, node, operand, typeText } from '../nodes.ts';
import { expectArguments, type FunctionHandler, problem } from '../scope.ts';

/** `join(separator?)` */
const join: FunctionHandler = (call) => {
  expectArguments(call, 0, 1);
  const { scope, args } = call;
  const [syntax] = args;
  const separator = syntax === undefined ? literal(STRING, '') : operand(syntax, scope, ['String'], 'the separator of join()');
  const source = decided(call.source, call.node, scope);
  if (isNothing(source)) return emptyOf(STRING);
  if (source.type.system !== 'String')
    throw problem('VM1004', `join() needs strings, not ${typeText(source.type)}`, call.node, scope);
  return node({
    kind: 'join',
    type: STRING,
    many: false,
    source,
    separator: isNothing(separator) ? literal(STRING, '') : separator,
  });
};

export const stringFunctions = { join } satisfies Readonly<Record<string, FunctionHandler>>;
