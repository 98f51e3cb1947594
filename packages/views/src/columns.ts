import {
  didYouMean,
  type Expression,
  isA,
  isTypeName,
  type SystemType,
  typeNames,
  type ValueType,
  valueType,
} from '@viewmill/fhirpath';
import type { Findings } from './diagnostics.ts';
import { indexProblem } from './index-hints.ts';
import { nameProblem } from './names.ts';
import type { Column } from './plan.ts';
import type { ColumnDefinition } from './schema.ts';
import { ansiStorage, defaultStorage, type Storage } from './sql-types.ts';

const UNKNOWN = valueType('unknown');
const PREFIX = 'http://hl7.org/fhir/StructureDefinition/';
const SYSTEM_PREFIX = /^(?:http:\/\/hl7\.org\/fhirpath\/)?System\./u;

/** Which classes a value of a class may be declared as, besides its own. */
const WIDER: Readonly<Partial<Record<SystemType, readonly SystemType[]>>> = {
  Integer: ['Decimal'],
  Date: ['DateTime'],
  DateTime: ['Date'],
};

/**
 * The column that a definition describes, given its compiled path (undefined if that failed: type checks are left out).
 * Everything wrong with name, type and tags goes to the findings.
 */
export function describeColumn(
  definition: ColumnDefinition,
  expression: Expression | undefined,
  at: string,
  findings: Findings,
): Column {
  const problem = nameProblem(definition.name);
  if (problem !== undefined) findings.add('VM1106', `${at}.name`, problem);
  const tags = [...(definition.tag ?? []), ...(definition.tags ?? [])];
  const type = columnType(definition, expression, at, findings);
  const collection = definition.collection ?? false;
  const { cast, sqlType } = storageOf(tags, type, at, findings);
  return {
    name: definition.name,
    path: definition.path,
    description: definition.description ?? null,
    fhirType: type.fhir,
    collection,
    cast,
    sqlType: collection && cast !== 'json' ? `${sqlType}[]` : sqlType,
    tags: tags.map(({ name, value }) => ({ name, value })),
  };
}

function storageOf(tags: Column['tags'], type: ValueType, at: string, findings: Findings): Storage {
  for (const { name, value } of tags) {
    const problem = indexProblem(name, value);
    if (problem !== undefined) findings.add('VM1101', `${at}.tag`, problem);
  }
  const ansi = tags.filter((tag) => tag.name === 'ansi/type');
  if (ansi.length > 1) findings.add('VM1104', `${at}.tag`, 'there are several tags ansi/type');
  const [tag] = ansi;
  if (tag === undefined) return defaultStorage(type);
  const storage = ansiStorage(tag.value, type);
  if (typeof storage !== 'string') return storage;
  findings.add('VM1104', `${at}.tag`, storage);
  return defaultStorage(type);
}

function columnType(definition: ColumnDefinition, expression: Expression | undefined, at: string, findings: Findings): ValueType {
  const inferred = expression?.type ?? UNKNOWN;
  if (definition.type === undefined) {
    if (inferred.system === null && inferred.fhir !== 'unknown') {
      findings.add('VM1104', `${at}.type`, `a column of the complex type ${inferred.fhir} must declare its type`);
    }
    return inferred;
  }
  const name = bareType(definition.type);
  if (name === 'unknown' || !isTypeName(name)) {
    findings.add('VM1104', `${at}.type`, `there is no type ${name}${didYouMean(name, typeNames())}`);
    return inferred;
  }
  const declared = valueType(name);
  if (inferred.fhir === 'unknown' || fits(inferred, declared)) return declared;
  findings.add('VM1104', `${at}.type`, `the path gives ${inferred.fhir}, which is not the declared ${declared.fhir}`);
  return declared;
}

function fits(inferred: ValueType, declared: ValueType): boolean {
  if (inferred.system === null) return isA(inferred.fhir, declared.fhir);
  if (declared.system === null) return false;
  return inferred.system === declared.system || (WIDER[inferred.system]?.includes(declared.system) ?? false);
}

/** A StructureDefinition URL, or a System type of FHIRPath, as the bare FHIR name. */
function bareType(uri: string): string {
  if (uri.startsWith(PREFIX)) return uri.slice(PREFIX.length);
  if (!SYSTEM_PREFIX.test(uri)) return uri;
  const name = uri.replace(SYSTEM_PREFIX, '');
  return name.charAt(0).toLowerCase() + name.slice(1);
}
