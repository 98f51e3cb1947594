import { isResource, isResourceType, valueType } from '../model.ts';
import { compileMember } from '../navigation.ts';
import { decided, emptyOf, isNothing, node, typeText } from '../nodes.ts';
import type { Syntax } from '../parse.ts';
import { expectArguments, type FunctionHandler, problem } from '../scope.ts';
import { typeArgument } from './types.ts';

/** `getResourceKey()`: the resource's id. */
const getResourceKey: FunctionHandler = (call) => {
  expectArguments(call, 0);
  const { source, scope } = call;
  if (isNothing(source)) return emptyOf(valueType('id'));
  if (!isResource(source.type.fhir)) {
    throw problem(
      'VM1004',
      `getResourceKey() needs a resource, not ${typeText(source.type)}; write %resource.getResourceKey()`,
      call.node,
      scope,
    );
  }
  return compileMember(source, 'id', call.node, scope);
};

/** `getReferenceKey(type?)` */
const getReferenceKey: FunctionHandler = (call) => {
  expectArguments(call, 0, 1);
  const [syntax] = call.args;
  const resourceType = syntax === undefined ? null : resourceArgument(call, syntax);
  const source = decided(call.source, call.node, call.scope);
  if (isNothing(source)) return emptyOf(valueType('id'));
  if (source.type.fhir !== 'Reference') {
    throw problem('VM1004', `getReferenceKey() needs a Reference, not ${typeText(source.type)}`, call.node, call.scope);
  }
  return node({ kind: 'referenceKey', type: valueType('id'), many: source.many, source, resourceType });
};

function resourceArgument(call: Parameters<FunctionHandler>[0], syntax: Syntax): string {
  const name = typeArgument(call, syntax);
  if (isResourceType(name)) return name;
  throw problem('VM1004', `${name} is not a resource type`, syntax, call.scope);
}

export const keyFunctions = { getResourceKey, getReferenceKey } satisfies Readonly<Record<string, FunctionHandler>>;
