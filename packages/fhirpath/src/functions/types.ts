import type { Expression } from '../expression.ts';
import { isA, isResource, isResourceType, isTypeName, primitiveTypes, typeNames, valueType } from '../model.ts';
import { narrow } from '../navigation.ts';
import { emptyOf, isNothing, node } from '../nodes.ts';
import { qualifiedName, type Syntax } from '../parse.ts';
import { type Call, expectArguments, type FunctionHandler, problem } from '../scope.ts';
import { didYouMean } from '../suggest.ts';

/** The type named by an argument, with or without the namespace FHIR. @throws ViewmillError VM1002, VM1003, VM1004 */
export function typeArgument(call: Call, syntax: Syntax): string {
  const name = qualifiedName(syntax);
  if (name === undefined) throw problem('VM1004', `${call.name}() needs the name of a type`, syntax, call.scope);
  if (name.startsWith('System.'))
    throw problem('VM1002', `FHIR elements have FHIR types: ${lowerHint(name.slice(7))}`, syntax, call.scope);
  const bare = name.startsWith('FHIR.') ? name.slice(5) : name;
  if (isTypeName(bare)) return bare;
  throw problem(
    'VM1003',
    `there is no type ${bare}${didYouMean(bare, [...primitiveTypes(), ...typeNames()])}`,
    syntax,
    call.scope,
  );
}

/** `ofType(type)`: the items of that type or of one derived from it (FHIRPath §5.2.4). */
const ofType: FunctionHandler = (call) => {
  expectArguments(call, 1);
  const { source, args, scope } = call;
  const syntax = args[0] as Syntax;
  const wanted = typeArgument(call, syntax);
  if (source.kind === 'choice' && source.type.fhir === 'unknown') return narrow(source, wanted, syntax, scope);
  if (isNothing(source)) return emptyOf(valueType(wanted));
  if (isA(source.type.fhir, wanted)) return source;
  return isResource(source.type.fhir) && isA(wanted, source.type.fhir)
    ? ofResourceType(call, wanted)
    : emptyOf(valueType(wanted));
};

function ofResourceType({ source, node: syntax, scope }: Call, resourceType: string): Expression {
  if (!isResourceType(resourceType))
    throw problem('VM1002', `ofType(${resourceType}) is not supported: name a concrete resource type`, syntax, scope);
  return node({ kind: 'ofResourceType', type: valueType(resourceType), many: source.many, source, resourceType });
}

function lowerHint(name: string): string {
  return isTypeName(name) ? `write ${name}` : `write ${name.charAt(0).toLowerCase()}${name.slice(1)}`;
}

export const typeFunctions = { ofType } satisfies Readonly<Record<string, FunctionHandler>>;
