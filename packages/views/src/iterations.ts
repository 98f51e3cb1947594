import { compilePath, type Expression, type ValueType, valueType } from '@viewmill/fhirpath';
import { merge } from './merge.ts';
import type { Iteration } from './plan.ts';
import type { SelectDefinition } from './schema.ts';
import type { ViewScope } from './view-scope.ts';

/** How a select iterates, and the type of the node inside. */
export interface CompiledIteration {
  readonly plan: Iteration;
  readonly item: ValueType;
}

const UNKNOWN = valueType('unknown');

/** The iteration of a select, or undefined if it has none. At most one of the three kinds may be there. */
export function compileIteration(
  definition: SelectDefinition,
  at: string,
  context: ValueType,
  scope: ViewScope,
): CompiledIteration | undefined {
  const kinds = (['forEach', 'forEachOrNull', 'repeat'] as const).filter((kind) => definition[kind] !== undefined);
  const [kind] = kinds;
  if (kinds.length > 1) scope.findings.add('VM1101', at, `only one of ${kinds.join(', ')} can be there`);
  if (kind === undefined) return undefined;
  if (kind === 'repeat') return compileRepeat(definition.repeat ?? [], `${at}.repeat`, context, scope);
  const path = compileStep(definition[kind] ?? '', `${at}.${kind}`, context, scope, false);
  // After a wrong path every element below is of unknown type: one error, not one a column.
  return path === undefined ? { plan: { kind: 'repeat', paths: [] }, item: UNKNOWN } : { plan: { kind, path }, item: path.type };
}

function compileStep(text: string, at: string, context: ValueType, scope: ViewScope, lenient: boolean): Expression | undefined {
  const { findings, resource, constants } = scope;
  const path = findings.attempt(() => compilePath(text, { context, resource, constants, lenient, at }));
  if (path?.kind !== 'choice' || path.type.fhir !== 'unknown') return path;
  findings.add('VM1006', at, 'the element can have several types: choose one with ofType()');
  return undefined;
}

/**
 * The paths of `repeat` run on the starting node and again on every item. So each is compiled for both types, leniently:
 * `answer.item` is nothing on a QuestionnaireResponse but something on its items. The item's type is the first that a path gives.
 */
function compileRepeat(texts: readonly string[], place: string, context: ValueType, scope: ViewScope): CompiledIteration {
  const starts = texts.map((text, index) => compileStep(text, `${place}[${index}]`, context, scope, true));
  const item = starts.find((path) => path !== undefined && path.kind !== 'empty')?.type ?? UNKNOWN;
  const paths: Expression[] = [];
  for (const [index, text] of texts.entries()) {
    const at = `${place}[${index}]`;
    const start = starts[index];
    if (start === undefined) continue;
    const again = compileStep(text, at, item, scope, true);
    const merged = again === undefined ? undefined : merge(start, again);
    if (again === undefined) continue;
    if (merged === undefined || (merged.kind !== 'empty' && merged.type.fhir !== item.fhir)) {
      scope.findings.add('VM1004', at, `the path must give ${item.fhir} wherever it is repeated`);
    } else if (descends(merged)) paths.push(merged);
    else
      scope.findings.add(
        'VM1004',
        at,
        'the path must lead to elements below the node it starts from; as it is, it would repeat forever',
      );
  }
  return { plan: { kind: 'repeat', paths }, item };
}

/** Whether every item of the path is further down than the node it starts from: only then does the repetition end. */
function descends(path: Expression): boolean {
  switch (path.kind) {
    case 'empty':
    case 'member':
    case 'choice':
      return path.kind === 'empty' || startsAtFocus(path.source);
    case 'index':
    case 'filter':
    case 'ofResourceType':
    case 'single':
      return descends(path.source);
    default:
      return false;
  }
}

function startsAtFocus(path: Expression): boolean {
  switch (path.kind) {
    case 'focus':
      return true;
    case 'member':
    case 'choice':
    case 'index':
    case 'filter':
    case 'ofResourceType':
    case 'single':
      return startsAtFocus(path.source);
    default:
      return false;
  }
}
