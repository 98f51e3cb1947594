import type { Boundary, Expression, SystemType } from '../expression.ts';
import { DECIMAL } from '../model.ts';
import { compileMember } from '../navigation.ts';
import { decided, isNothing, node, single, typeText } from '../nodes.ts';
import { type Call, type FunctionHandler, problem } from '../scope.ts';

const OF: Readonly<Partial<Record<SystemType, Boundary['of']>>> = {
  Integer: 'decimal',
  Decimal: 'decimal',
  Date: 'date',
  DateTime: 'dateTime',
  Time: 'time',
};

/** `lowBoundary()` and `highBoundary()`; of a Period, that of its start or end. A precision cannot be given. */
function boundary(call: Call, side: Boundary['side']): Expression {
  const { scope } = call;
  if (call.args.length > 0) throw problem('VM1002', `${call.name}() with a precision is not supported`, call.node, scope);
  const given = decided(call.source, call.node, scope);
  const source = given.type.fhir === 'Period' ? compileMember(given, side === 'low' ? 'start' : 'end', call.node, scope) : given;
  if (isNothing(source)) return source;
  const of = source.type.system === null ? undefined : OF[source.type.system];
  if (of === undefined) {
    throw problem(
      'VM1004',
      `${call.name}() needs a number, date, time or Period, not ${typeText(source.type)}`,
      call.node,
      scope,
    );
  }
  const type = of === 'decimal' ? DECIMAL : source.type;
  return node<Boundary>({ kind: 'boundary', type, many: false, source: single(source, scope), side, of });
}

export const boundaryFunctions = {
  lowBoundary: (call) => boundary(call, 'low'),
  highBoundary: (call) => boundary(call, 'high'),
} satisfies Readonly<Record<string, FunctionHandler>>;
