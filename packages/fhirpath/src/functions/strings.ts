import { STRING } from '../model.ts';
import { decided, isNothing, literal, node, operand, typeText } from '../nodes.ts';
import { expectArguments, type FunctionHandler, problem } from '../scope.ts';

/** `join(separator?)`; of nothing it is the empty string (test suite of SQL on FHIR, fhirpath.json). */
const join: FunctionHandler = (call) => {
  expectArguments(call, 0, 1);
  const { scope, args } = call;
  const [syntax] = args;
  const separator = syntax === undefined ? literal(STRING, '') : operand(syntax, scope, ['String'], 'the separator of join()');
  const source = decided(call.source, call.node, scope);
  if (isNothing(source)) return literal(STRING, '');
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
