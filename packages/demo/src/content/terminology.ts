/** Code systems of the demo. */
export const LOINC = 'http://loinc.org';
export const SNOMED = 'http://snomed.info/sct';
export const RXNORM = 'http://www.nlm.nih.gov/research/umls/rxnorm';
export const UCUM = 'http://unitsofmeasure.org';
const HL7 = 'http://terminology.hl7.org/CodeSystem/';
export const CONDITION_CLINICAL = `${HL7}condition-clinical`;
export const CONDITION_VERIFICATION = `${HL7}condition-ver-status`;
export const CONDITION_CATEGORY = `${HL7}condition-category`;
export const OBSERVATION_CATEGORY = `${HL7}observation-category`;
export const INTERPRETATION = `${HL7}v3-ObservationInterpretation`;
export const ACT_CODE = `${HL7}v3-ActCode`;
export const ORGANIZATION_TYPE = `${HL7}organization-type`;
export const IDENTIFIER_TYPE = `${HL7}v2-0203`;
export const NPI = 'http://hl7.org/fhir/sid/us-npi';
export const SSN = 'http://hl7.org/fhir/sid/us-ssn';
export const RECORD_NUMBER = 'https://hospital.example.org/record-number';

export interface Concept {
  readonly code: string;
  readonly display: string;
}

export function concept(system: string, { code, display }: Concept): object {
  return { coding: [{ system, code, display }], text: display };
}

/** A CodeableConcept of a code whose display would say nothing new. */
export function codeOnly(system: string, code: string): object {
  return { coding: [{ system, code }] };
}
