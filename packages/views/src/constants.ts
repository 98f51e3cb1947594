import { type Constant, isReservedConstant, isTemporalText } from '@viewmill/fhirpath';
import type { Findings } from './diagnostics.ts';
import { nameProblem } from './names.ts';
import type { ConstantDefinition } from './schema.ts';

type Check = (value: unknown) => boolean;

const text: Check = (value) => typeof value === 'string' && value !== '';
const integer =
  (least: number): Check =>
  (value) =>
    Number.isInteger(value) && Number(value) >= least && Math.abs(Number(value)) <= 2 ** 31;
const temporal =
  (system: 'Date' | 'DateTime' | 'Time'): Check =>
  (value) =>
    typeof value === 'string' && isTemporalText(system, value);

/** By JSON property: FHIR type and check of the value. All types that ViewDefinition.constant.value[x] has. */
const VALUES: ReadonlyMap<string, readonly [fhirType: string, check: Check]> = new Map([
  ['valueBase64Binary', ['base64Binary', text]],
  ['valueBoolean', ['boolean', (value) => typeof value === 'boolean']],
  ['valueCanonical', ['canonical', text]],
  ['valueCode', ['code', text]],
  ['valueDate', ['date', temporal('Date')]],
  ['valueDateTime', ['dateTime', temporal('DateTime')]],
  ['valueDecimal', ['decimal', (value) => typeof value === 'number']],
  ['valueId', ['id', text]],
  ['valueInstant', ['instant', temporal('DateTime')]],
  ['valueInteger', ['integer', integer(-(2 ** 31))]],
  [
    'valueInteger64',
    ['integer64', (value) => Number.isSafeInteger(value) || (typeof value === 'string' && /^-?\d{1,19}$/u.test(value))],
  ],
  ['valueOid', ['oid', text]],
  ['valuePositiveInt', ['positiveInt', integer(1)]],
  ['valueString', ['string', (value) => typeof value === 'string']],
  ['valueTime', ['time', temporal('Time')]],
  ['valueUnsignedInt', ['unsignedInt', integer(0)]],
  ['valueUri', ['uri', text]],
  ['valueUrl', ['url', text]],
  ['valueUuid', ['uuid', text]],
]);

/** The definition's constants by name; what is wrong with them goes to the findings. */
export function readConstants(definitions: readonly ConstantDefinition[], findings: Findings): ReadonlyMap<string, Constant> {
  const constants = new Map<string, Constant>();
  for (const [index, definition] of definitions.entries()) {
    const at = `constant[${index}]`;
    const { name } = definition;
    const problem = nameProblem(name) ?? (isReservedConstant(name) ? `%${name} has a meaning of its own` : undefined);
    if (problem !== undefined) findings.add('VM1105', `${at}.name`, problem);
    if (constants.has(name)) findings.add('VM1105', `${at}.name`, `the constant ${name} is defined twice`);
    const constant = readConstant(definition, at, findings);
    // A wrong constant stays known, so that its uses are not called undefined too.
    constants.set(name, constant ?? { fhirType: 'unknown', value: '' });
  }
  return constants;
}

function readConstant(definition: ConstantDefinition, at: string, findings: Findings): Constant | undefined {
  const keys = Object.keys(definition).filter((key) => key.startsWith('value'));
  const [key] = keys;
  const found = key === undefined ? undefined : VALUES.get(key);
  if (key === undefined) findings.add('VM1105', at, `the constant ${definition.name} has no value`);
  else if (keys.length > 1) findings.add('VM1105', at, `the constant ${definition.name} has several values`);
  else if (found === undefined) findings.add('VM1105', `${at}.${key}`, `a constant cannot have a ${key}`);
  else if (!found[1](definition[key])) findings.add('VM1105', `${at}.${key}`, `the value is no ${found[0]}`);
  else return { fhirType: found[0], value: definition[key] as Constant['value'] };
  return undefined;
}
