import { compilePath, type Expression, type ValueType } from '@viewmill/fhirpath';
import { describeColumn } from './columns.ts';
import { compileIteration } from './iterations.ts';
import type { Column, ColumnValue, SelectPlan } from './plan.ts';
import type { ColumnDefinition, SelectDefinition } from './schema.ts';
import type { ViewScope } from './view-scope.ts';

/** A column as it is put together, with its place for messages. */
export interface PlacedColumn {
  readonly column: Column;
  readonly at: string;
}

/** A compiled select and its columns, in slot order. */
export interface CompiledSelect {
  readonly plan: SelectPlan;
  readonly columns: readonly PlacedColumn[];
}

/**
 * Compiles a select and everything below it.
 * @param firstSlot slot of its first column; own columns, then nested selects, then the union take the following ones
 */
export function compileSelect(
  definition: SelectDefinition,
  at: string,
  context: ValueType,
  firstSlot: number,
  scope: ViewScope,
): CompiledSelect {
  const iteration = compileIteration(definition, at, context, scope);
  const inner = iteration?.item ?? context;
  const placed: PlacedColumn[] = [];
  const columns: ColumnValue[] = [];
  for (const [index, column] of (definition.column ?? []).entries()) {
    const place = `${at}.column[${index}]`;
    const expression = compileColumn(column, place, inner, scope);
    const described = describeColumn(column, expression, place, scope.findings);
    if (expression !== undefined) columns.push({ slot: firstSlot + placed.length, expression, at: place });
    placed.push({ column: described, at: place });
  }
  const selects = (definition.select ?? []).map((select, index) => {
    const compiled = compileSelect(select, `${at}.select[${index}]`, inner, firstSlot + placed.length, scope);
    placed.push(...compiled.columns);
    return compiled.plan;
  });
  const union = compileUnion(definition.unionAll ?? [], `${at}.unionAll`, inner, firstSlot + placed.length, scope);
  placed.push(...union.columns);
  return { plan: { iterate: iteration?.plan ?? null, columns, selects, unionAll: union.plans }, columns: placed };
}

/** A path that is a Boolean criterion of the view. */
export function compileWhere(path: string, at: string, scope: ViewScope): Expression | undefined {
  const { findings, resource, constants } = scope;
  const expression = findings.attempt(() => compilePath(path, { context: resource, resource, constants, at }));
  if (expression === undefined) return undefined;
  if (expression.type.system !== 'Boolean' && expression.type.fhir !== 'unknown') {
    findings.add('VM1004', at, `a criterion must be Boolean, not ${expression.type.fhir}`);
  }
  return single(expression, path);
}

function compileColumn(definition: ColumnDefinition, at: string, context: ValueType, scope: ViewScope): Expression | undefined {
  const { findings, resource, constants } = scope;
  const place = `${at}.path`;
  const expression = findings.attempt(() => compilePath(definition.path, { context, resource, constants, at: place }));
  if (expression?.kind === 'choice' && expression.type.fhir === 'unknown') {
    findings.add('VM1006', place, 'the element can have several types: choose one with ofType()');
    return undefined;
  }
  return expression === undefined || definition.collection === true ? expression : single(expression, definition.path);
}

/** More than one item is an error when it runs (specification, Processing Algorithm 2.2.1). */
function single(source: Expression, path: string): Expression {
  return source.many ? { kind: 'single', type: source.type, many: false, source, at: path } : source;
}

function compileUnion(
  branches: readonly SelectDefinition[],
  at: string,
  context: ValueType,
  firstSlot: number,
  scope: ViewScope,
) {
  const compiled = branches.map((branch, index) => compileSelect(branch, `${at}[${index}]`, context, firstSlot, scope));
  const [first, ...others] = compiled;
  if (first === undefined) return { plans: [], columns: [] };
  const columns = others.reduce(
    (agreed, other, index) => agree(agreed, other.columns, `${at}[${index + 1}]`, scope),
    first.columns,
  );
  return { plans: compiled.map((each) => each.plan), columns };
}

/** The columns of a union so far, with the types that another branch adds; disagreements go to the findings. */
function agree(
  agreed: readonly PlacedColumn[],
  branch: readonly PlacedColumn[],
  at: string,
  { findings }: ViewScope,
): readonly PlacedColumn[] {
  const names = (columns: readonly PlacedColumn[]) => columns.map(({ column }) => column.name).join(', ');
  if (names(agreed) !== names(branch)) {
    findings.add(
      'VM1103',
      at,
      `the columns are ${names(branch) || 'none'}, but those of the first branch are ${names(agreed) || 'none'}`,
    );
    return agreed;
  }
  return agreed.map((left, index) => {
    const right = branch[index] ?? left;
    if (right.column.fhirType === 'unknown') return left;
    if (left.column.fhirType === 'unknown') return { ...right, at: left.at };
    const difference = differenceOf(left.column, right.column);
    if (difference !== undefined) findings.add('VM1103', right.at, difference);
    return left;
  });
}

function differenceOf(left: Column, right: Column): string | undefined {
  const hint = 'declare the same type in each branch';
  if (left.fhirType !== right.fhirType)
    return `${right.name} is ${right.fhirType}, but ${left.fhirType} in the first branch: ${hint}`;
  if (left.collection !== right.collection) return `${right.name} is a collection in one branch only`;
  return left.sqlType === right.sqlType
    ? undefined
    : `${right.name} is stored as ${right.sqlType}, but as ${left.sqlType} in the first branch`;
}
