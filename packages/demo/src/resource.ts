/** The types of the demo's resources and their numbers in HAPI's `hfj_resource_type`. */
export const RESOURCE_TYPES = {
  Condition: 35,
  Encounter: 62,
  MedicationRequest: 110,
  Observation: 130,
  Organization: 136,
  Patient: 140,
  Practitioner: 146,
  Procedure: 148,
} as const;

export type ResourceType = keyof typeof RESOURCE_TYPES;

/** A resource to be stored, with everything that a server would have derived from it. */
export interface DemoResource {
  readonly type: ResourceType;
  /** `hfj_resource.res_id` */
  readonly key: number;
  /** The FHIR id. */
  readonly id: string;
  /** The JSON texts of its versions from the oldest to the last, without `id` and `meta`. */
  readonly texts: readonly string[];
  /** What happened after the last text was written: nothing, a DELETE, or a DELETE and a PUT of the same text. */
  readonly fate?: 'deleted' | 'recreated';
  readonly tags: readonly TagName[];
  /** meta.source */
  readonly source?: string;
  readonly tokens: readonly Token[];
  readonly dates: readonly DateSpan[];
  readonly strings?: readonly (readonly [parameter: string, value: string])[];
  readonly links: readonly Link[];
}

/** A search parameter's coded value. */
export type Token = readonly [parameter: string, system: string | null, code: string];

/** A search parameter's period of time; both ends are written in FHIR's dateTime format, of any precision. */
export type DateSpan = readonly [parameter: string, start: string, end: string];

export interface Link {
  readonly path: string;
  readonly type: ResourceType;
  readonly key: number;
}

/** Where a resource can be referred to. */
export interface Target {
  readonly type: ResourceType;
  readonly key: number;
  readonly id: string;
}

const PROFILE_SYSTEM = 'https://github.com/hapifhir/hapi-fhir/ns/jpa/profile';
const US_CORE = 'http://hl7.org/fhir/us/core/StructureDefinition/';

/** The rows of `hfj_tag_def`: 0 is a tag, 1 a profile, 2 a security label. */
export const TAGS = {
  diabetes: { id: 1, kind: 0, system: 'https://example.org/cohort', code: 'diabetes' },
  restricted: { id: 2, kind: 2, system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R' },
  patient: { id: 3, kind: 1, system: PROFILE_SYSTEM, code: `${US_CORE}us-core-patient` },
  condition: { id: 4, kind: 1, system: PROFILE_SYSTEM, code: `${US_CORE}us-core-condition-encounter-diagnosis` },
  laboratory: { id: 5, kind: 1, system: PROFILE_SYSTEM, code: `${US_CORE}us-core-observation-lab` },
  vitals: { id: 6, kind: 1, system: PROFILE_SYSTEM, code: `${US_CORE}us-core-vital-signs` },
  medication: { id: 7, kind: 1, system: PROFILE_SYSTEM, code: `${US_CORE}us-core-medicationrequest` },
} as const;

export type TagName = keyof typeof TAGS;

/** A reference as it is stored: relative. */
export function reference(target: Target): { reference: string } {
  return { reference: `${target.type}/${target.id}` };
}

/** The links of a `subject` that is a patient; HAPI writes one for the parameter `subject` and one for `patient`. */
export function subjectLinks(type: ResourceType, patient: Target): Link[] {
  return [
    { path: `${type}.subject`, type: 'Patient', key: patient.key },
    { path: `${type}.subject.where(resolve() is Patient)`, type: 'Patient', key: patient.key },
  ];
}
