import type { Diagnostic } from '@viewmill/contracts';
import { didYouMean, type Expression, isResourceType, resourceTypes, valueType } from '@viewmill/fhirpath';
import { readConstants } from './constants.ts';
import { asError, createFindings, type Findings } from './diagnostics.ts';
import { planHash } from './hash.ts';
import { nameProblem } from './names.ts';
import { sourceNeeds } from './needs.ts';
import type { SelectPlan, ViewPlan } from './plan.ts';
import { schemaDiagnostics, type ViewDefinition, viewDefinitionSchema } from './schema.ts';
import { compileSelect, compileWhere, type PlacedColumn } from './selects.ts';
import type { ViewScope } from './view-scope.ts';

/**
 * ViewDefinition to view plan.
 * @param definition parsed JSON of a ViewDefinition, of any quality
 * @throws ViewmillError with code and place of the first finding and, in `diagnostics`, all of them
 */
export function compileView(definition: unknown): ViewPlan {
  const result = analyse(definition);
  if (Array.isArray(result)) throw asError(result);
  return result as ViewPlan;
}

/** Everything that is wrong with a ViewDefinition; empty if it compiles. Never throws for what a user wrote. */
export function validateView(definition: unknown): Diagnostic[] {
  const result = analyse(definition);
  return Array.isArray(result) ? result : [];
}

function analyse(input: unknown): ViewPlan | Diagnostic[] {
  try {
    const parsed = viewDefinitionSchema.safeParse(input);
    if (!parsed.success) return schemaDiagnostics(parsed.error);
    const findings = createFindings();
    const plan = planOf(parsed.data, findings);
    return plan === undefined || findings.all.length > 0 ? findings.all : deepFreeze(plan);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return [{ code: 'VM1101', at: 'select', message: 'the definition is nested too deeply' }];
  }
}

function planOf(definition: ViewDefinition, findings: Findings): ViewPlan | undefined {
  checkHead(definition, findings);
  const constants = readConstants(definition.constant ?? [], findings);
  if (!isResourceType(definition.resource)) {
    findings.add(
      'VM1101',
      'resource',
      `there is no resource type ${definition.resource}${didYouMean(definition.resource, resourceTypes())}`,
    );
    return undefined;
  }
  const scope: ViewScope = { resource: valueType(definition.resource), constants, findings };
  const where = (definition.where ?? []).map(({ path }, index) => compileWhere(path, `where[${index}].path`, scope));
  const selects: SelectPlan[] = [];
  const placed: PlacedColumn[] = [];
  for (const [index, select] of definition.select.entries()) {
    const compiled = compileSelect(select, `select[${index}]`, scope.resource, placed.length, scope);
    selects.push(compiled.plan);
    placed.push(...compiled.columns);
  }
  checkDuplicates(placed, findings);
  if (placed.length === 0) findings.add('VM1101', 'select', 'the view has no column');
  const criteria = where.filter((each): each is Expression => each !== undefined);
  const plan = {
    name: definition.name ?? '',
    title: definition.title ?? null,
    description: definition.description ?? null,
    resource: definition.resource,
    where: criteria,
    selects,
    columns: placed.map(({ column }) => column),
    needs: sourceNeeds(criteria, selects),
  };
  return { ...plan, hash: planHash(plan) };
}

function checkHead(definition: ViewDefinition, findings: Findings): void {
  const { name, resourceType } = definition;
  // The logical model is also used as it is, without a resourceType of its own.
  if (resourceType !== undefined && resourceType !== 'ViewDefinition') {
    findings.add('VM1101', 'resourceType', `this is a ${resourceType}, not a ViewDefinition`);
  }
  const problem = name === undefined ? undefined : nameProblem(name);
  if (problem !== undefined) findings.add('VM1106', 'name', problem);
}

/** Names are unique over the whole view (specification, Validate Columns). */
function checkDuplicates(placed: readonly PlacedColumn[], findings: Findings): void {
  const first = new Map<string, string>();
  for (const { column, at } of placed) {
    const earlier = first.get(column.name);
    if (earlier === undefined) first.set(column.name, at);
    else findings.add('VM1102', `${at}.name`, `the column ${column.name} is there already, at ${earlier}`);
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const member of Object.values(value)) deepFreeze(member);
  return Object.freeze(value);
}
