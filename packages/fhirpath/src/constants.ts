import type { Expression } from './expression.ts';
import { INTEGER, STRING, valueType } from './model.ts';
import { literal, node } from './nodes.ts';
import { type Syntax, unescapeText } from './parse.ts';
import { type Constant, problem, type Scope } from './scope.ts';
import { didYouMean } from './suggest.ts';

type Variable = (scope: Scope) => Expression;

const resource: Variable = (scope) => node({ kind: 'variable', type: scope.resource, many: false, name: 'resource' });

const VARIABLES: ReadonlyMap<string, Variable> = new Map(
  Object.entries<Variable>({
    resource,
    rootResource: resource,
    context: (scope) => node({ kind: 'variable', type: scope.context, many: false, name: 'context' }),
    rowIndex: () => node({ kind: 'rowIndex', type: INTEGER, many: false }),
  }),
);

/** Fixed by FHIRPath (§9); a ViewDefinition may define its own constant of such a name. */
const TERMINOLOGIES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    sct: 'http://snomed.info/sct',
    loinc: 'http://loinc.org',
    ucum: 'http://unitsofmeasure.org',
  }),
);

/** Names that ViewDefinition.constant cannot take. */
export function isReservedConstant(name: string): boolean {
  return VARIABLES.has(name);
}

/** `%name` @throws ViewmillError VM1005 */
export function compileConstant(syntax: Syntax, scope: Scope): Expression {
  const written = syntax.delimitedText ?? syntax.text ?? '';
  const name = written.startsWith("'") ? unescapeText(written.slice(1, -1)) : written;
  const variable = VARIABLES.get(name);
  if (variable !== undefined) return variable(scope);
  const constant = scope.constants?.get(name);
  if (constant !== undefined) return literal(valueType(constant.fhirType), literalValue(constant));
  const url = TERMINOLOGIES.get(name);
  if (url !== undefined) return literal(STRING, url);
  const known = [...(scope.constants?.keys() ?? []), ...VARIABLES.keys()];
  throw problem('VM1005', `the constant %${name} is not defined${didYouMean(name, known)}`, syntax, scope);
}

const plain = new Intl.NumberFormat('en-US', { useGrouping: false, maximumFractionDigits: 100, maximumSignificantDigits: 17 });

function literalValue({ value }: Constant): string | boolean {
  if (typeof value !== 'number') return value;
  const text = String(value);
  return /e/iu.test(text) ? plain.format(value) : text;
}
