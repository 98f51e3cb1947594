/**
 * The part of the R4 model that the generator walks: for each type its elements, `name: [type, many?]`.
 * Only elements that the Synthea resources fill, so that the generated paths find something.
 */
export type ElementTable = Readonly<Record<string, Readonly<Record<string, readonly [type: string, many?: 'many']>>>>;

export const ELEMENTS: ElementTable = {
  Patient: {
    id: ['id'],
    gender: ['code'],
    birthDate: ['date'],
    name: ['HumanName', 'many'],
    address: ['Address', 'many'],
    telecom: ['ContactPoint', 'many'],
    identifier: ['Identifier', 'many'],
    maritalStatus: ['CodeableConcept'],
    'multipleBirth.ofType(boolean)': ['boolean'],
    'multipleBirth.ofType(integer)': ['integer'],
    'deceased.ofType(dateTime)': ['dateTime'],
    "extension('http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex').value.ofType(code)": ['code', 'many'],
    "extension('http://hl7.org/fhir/us/core/StructureDefinition/us-core-race').extension('text').value.ofType(string)": [
      'string',
      'many',
    ],
    "extension('http://synthetichealth.github.io/synthea/disability-adjusted-life-years').value.ofType(decimal)": [
      'decimal',
      'many',
    ],
  },
  Observation: {
    id: ['id'],
    status: ['code'],
    category: ['CodeableConcept', 'many'],
    code: ['CodeableConcept'],
    subject: ['Reference'],
    encounter: ['Reference'],
    'effective.ofType(dateTime)': ['dateTime'],
    issued: ['instant'],
    'value.ofType(Quantity)': ['Quantity'],
    'value.ofType(CodeableConcept)': ['CodeableConcept'],
    'value.ofType(string)': ['string'],
    component: ['Observation.component', 'many'],
  },
  'Observation.component': { code: ['CodeableConcept'], 'value.ofType(Quantity)': ['Quantity'] },
  Condition: {
    id: ['id'],
    clinicalStatus: ['CodeableConcept'],
    verificationStatus: ['CodeableConcept'],
    code: ['CodeableConcept'],
    subject: ['Reference'],
    encounter: ['Reference'],
    'onset.ofType(dateTime)': ['dateTime'],
    'abatement.ofType(dateTime)': ['dateTime'],
    recordedDate: ['dateTime'],
  },
  Encounter: {
    id: ['id'],
    status: ['code'],
    class: ['Coding'],
    type: ['CodeableConcept', 'many'],
    subject: ['Reference'],
    participant: ['Encounter.participant', 'many'],
    period: ['Period'],
    reasonCode: ['CodeableConcept', 'many'],
  },
  'Encounter.participant': { individual: ['Reference'] },
  MedicationRequest: {
    id: ['id'],
    status: ['code'],
    intent: ['code'],
    'medication.ofType(CodeableConcept)': ['CodeableConcept'],
    subject: ['Reference'],
    authoredOn: ['dateTime'],
    requester: ['Reference'],
    dosageInstruction: ['Dosage', 'many'],
  },
  Dosage: { sequence: ['integer'], text: ['string'], 'asNeeded.ofType(boolean)': ['boolean'], timing: ['Timing'] },
  Timing: { repeat: ['Timing.repeat'] },
  'Timing.repeat': { frequency: ['positiveInt'], period: ['decimal'], periodUnit: ['code'] },
  HumanName: { use: ['code'], family: ['string'], given: ['string', 'many'], prefix: ['string', 'many'] },
  Address: { line: ['string', 'many'], city: ['string'], state: ['string'], postalCode: ['string'], country: ['string'] },
  ContactPoint: { system: ['code'], value: ['string'], use: ['code'] },
  Identifier: { system: ['uri'], value: ['string'], type: ['CodeableConcept'] },
  CodeableConcept: { coding: ['Coding', 'many'], text: ['string'] },
  Coding: { system: ['uri'], code: ['code'], display: ['string'] },
  Quantity: { value: ['decimal'], unit: ['string'], system: ['uri'], code: ['code'] },
  Reference: { reference: ['string'], display: ['string'] },
  Period: { start: ['dateTime'], end: ['dateTime'] },
};

export const RESOURCE_TYPES = ['Patient', 'Observation', 'Condition', 'Encounter', 'MedicationRequest'] as const;

export type Sort = 'string' | 'boolean' | 'number' | 'temporal' | 'complex';

/** Which operators a value of the type takes part in. */
export function sortOf(type: string): Sort {
  if (type in ELEMENTS) return 'complex';
  if (type === 'boolean') return 'boolean';
  if (type === 'decimal' || type === 'integer' || type === 'positiveInt') return 'number';
  if (type === 'date' || type === 'dateTime' || type === 'instant') return 'temporal';
  return 'string';
}
