import r4 from 'fhirpath/fhir-context/r4';
import type { SystemType, ValueType } from './expression.ts';

/** FHIR R4 as fhirpath.js ships it, behind the few questions that the compiler asks. */

const SYSTEM: ReadonlyMap<string, SystemType> = new Map(
  Object.entries<SystemType>({
    boolean: 'Boolean',
    integer: 'Integer',
    positiveInt: 'Integer',
    unsignedInt: 'Integer',
    integer64: 'Integer',
    decimal: 'Decimal',
    date: 'Date',
    dateTime: 'DateTime',
    instant: 'DateTime',
    time: 'Time',
    string: 'String',
    code: 'String',
    id: 'String',
    markdown: 'String',
    uri: 'String',
    url: 'String',
    canonical: 'String',
    oid: 'String',
    uuid: 'String',
    base64Binary: 'String',
    xhtml: 'String',
  }),
);

const TYPES: ReadonlySet<string> = new Set([...Object.keys(r4.type2Parent), ...Object.values(r4.type2Parent)]);

const ABSTRACT = new Set(['Resource', 'DomainResource', 'Element', 'BackboneElement']);

export const UNKNOWN: ValueType = Object.freeze({ fhir: 'unknown', system: null });

/** The type of that FHIR name; a primitive's System class comes with it. */
export function valueType(fhir: string): ValueType {
  return Object.freeze({ fhir, system: SYSTEM.get(fhir) ?? null });
}

export const BOOLEAN = valueType('boolean');
export const STRING = valueType('string');
export const INTEGER = valueType('integer');
export const DECIMAL = valueType('decimal');

/** The primitive types' names. */
export function primitiveTypes(): readonly string[] {
  return [...SYSTEM.keys()];
}

/** Every concrete resource type of R4, sorted. */
export function resourceTypes(): readonly string[] {
  return concreteResources;
}

export function isResourceType(name: string): boolean {
  return concreteResources.includes(name);
}

/** Whether the name is a type: primitive, complex, resource, abstract, or a backbone element by its path (`Observation.component`). */
export function isTypeName(name: string): boolean {
  return SYSTEM.has(name) || TYPES.has(name) || isBackbone(name);
}

/** The names of all types, without backbone elements. */
export function typeNames(): readonly string[] {
  return [...TYPES, 'integer64'];
}

/** Whether values of `type` are values of `ancestor` too; a type is its own ancestor. */
export function isA(type: string, ancestor: string): boolean {
  for (let name: string | undefined = type; name !== undefined; name = parentOf(name)) if (name === ancestor) return true;
  return false;
}

/** Whether the type is a resource type, or Resource or DomainResource. */
export function isResource(type: string): boolean {
  return isA(type, 'Resource');
}

/** An element of a type as the model has it. */
export type Element =
  | { readonly kind: 'element'; readonly type: ValueType; readonly many: boolean }
  | { readonly kind: 'choice'; readonly types: readonly ChoiceType[]; readonly many: boolean };

export interface ChoiceType {
  /** The JSON property: `valueQuantity`. */
  readonly key: string;
  readonly type: ValueType;
}

/** The element `name` of a type, or undefined if the model has none. */
export function elementOf(type: string, name: string): Element | undefined {
  for (let owner: string | undefined = type; owner !== undefined; owner = parentOf(owner)) {
    const path = `${owner}.${name}`;
    const choices = r4.choiceTypePaths[path];
    if (choices !== undefined) {
      const types = choices.map((suffix) => ({ key: `${name}${suffix}`, type: valueType(ofSuffix(suffix)) }));
      return { kind: 'choice', types, many: path in r4.path2Repeating };
    }
    const elsewhere = r4.pathsDefinedElsewhere[path];
    if (elsewhere !== undefined) return { kind: 'element', type: valueType(elsewhere), many: repeatsElsewhere(path, elsewhere) };
    const fhir = spelledChoices.has(path) ? undefined : r4.path2Type[path];
    if (fhir !== undefined) return { kind: 'element', type: elementType(path, fhir), many: path in r4.path2Repeating };
  }
  return undefined;
}

/** The names of a type's elements, inherited ones included. */
export function elementNames(type: string): readonly string[] {
  const names = new Set<string>();
  for (let owner: string | undefined = type; owner !== undefined; owner = parentOf(owner))
    for (const name of children.get(owner) ?? []) names.add(name);
  return [...names];
}

/** For `valueQuantity`, the choice element and the type that are meant: `value`, `Quantity`. */
export function splitChoice(type: string, name: string): { readonly element: string; readonly type: string } | undefined {
  for (let end = 1; end < name.length; end++) {
    const found = elementOf(type, name.slice(0, end));
    const choice = found?.kind === 'choice' ? found.types.find((each) => each.key === name) : undefined;
    if (choice !== undefined) return { element: name.slice(0, end), type: choice.type.fhir };
  }
  return undefined;
}

function parentOf(type: string): string | undefined {
  return r4.type2Parent[type] ?? (isBackbone(type) ? r4.path2Type[type] : undefined);
}

function isBackbone(path: string): boolean {
  const type = r4.path2Type[path];
  return type === 'BackboneElement' || (type === 'Element' && path.includes('.'));
}

function ofSuffix(suffix: string): string {
  const primitive = suffix.charAt(0).toLowerCase() + suffix.slice(1);
  return SYSTEM.has(primitive) ? primitive : suffix;
}

function elementType(path: string, fhir: string): ValueType {
  if (isBackbone(path)) return valueType(path);
  if (fhir === 'SimpleQuantity' || fhir === 'MoneyQuantity') return valueType('Quantity');
  if (fhir !== 'System.String') return valueType(fhir);
  // R4 types ids and Extension.url as System.String; the FHIR types behind them are these.
  if (path.endsWith('.url')) return valueType('uri');
  return valueType(isResource(path.slice(0, path.lastIndexOf('.'))) ? 'id' : 'string');
}

/**
 * The model has no cardinality for elements that are defined elsewhere (`Questionnaire.item.item`). It is that of the
 * definition, except where an element nests in itself (Consent.provision is 0..1, Consent.provision.provision 0..*) and
 * the procedure's applications of a MedicinalProductAuthorization.
 */
function repeatsElsewhere(path: string, elsewhere: string): boolean {
  return elsewhere in r4.path2Repeating || path.startsWith(`${elsewhere}.`);
}

const concreteResources: readonly string[] = Object.keys(r4.type2Parent)
  .filter((name) => isResource(name) && !ABSTRACT.has(name))
  .sort();

/** `Observation.valueQuantity`: the model lists these beside the choice, but FHIRPath has no such element. */
const spelledChoices: ReadonlySet<string> = new Set(
  Object.entries(r4.choiceTypePaths).flatMap(([path, suffixes]) => suffixes.map((suffix) => `${path}${suffix}`)),
);

const children = new Map<string, string[]>();
for (const paths of [r4.path2Type, r4.choiceTypePaths, r4.pathsDefinedElsewhere])
  for (const path of Object.keys(paths)) {
    const dot = path.lastIndexOf('.');
    if (dot < 0 || spelledChoices.has(path)) continue;
    const owner = path.slice(0, dot);
    const names = children.get(owner);
    if (names === undefined) children.set(owner, [path.slice(dot + 1)]);
    else names.push(path.slice(dot + 1));
  }
