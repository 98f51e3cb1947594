/** The resource types of FHIR R4 (hl7.org/fhir/R4/resourcelist.html). */
const RESOURCE_TYPES = new Set(
  `Account ActivityDefinition AdverseEvent AllergyIntolerance Appointment AppointmentResponse AuditEvent Basic Binary
  BiologicallyDerivedProduct BodyStructure Bundle CapabilityStatement CarePlan CareTeam CatalogEntry ChargeItem
  ChargeItemDefinition Claim ClaimResponse ClinicalImpression CodeSystem Communication CommunicationRequest
  CompartmentDefinition Composition ConceptMap Condition Consent Contract Coverage CoverageEligibilityRequest
  CoverageEligibilityResponse DetectedIssue Device DeviceDefinition DeviceMetric DeviceRequest DeviceUseStatement
  DiagnosticReport DocumentManifest DocumentReference EffectEvidenceSynthesis Encounter Endpoint EnrollmentRequest
  EnrollmentResponse EpisodeOfCare EventDefinition Evidence EvidenceVariable ExampleScenario ExplanationOfBenefit
  FamilyMemberHistory Flag Goal GraphDefinition Group GuidanceResponse HealthcareService ImagingStudy Immunization
  ImmunizationEvaluation ImmunizationRecommendation ImplementationGuide InsurancePlan Invoice Library Linkage List Location
  Measure MeasureReport Media Medication MedicationAdministration MedicationDispense MedicationKnowledge MedicationRequest
  MedicationStatement MedicinalProduct MedicinalProductAuthorization MedicinalProductContraindication
  MedicinalProductIndication MedicinalProductIngredient MedicinalProductInteraction MedicinalProductManufactured
  MedicinalProductPackaged MedicinalProductPharmaceutical MedicinalProductUndesirableEffect MessageDefinition MessageHeader
  MolecularSequence NamingSystem NutritionOrder Observation ObservationDefinition OperationDefinition OperationOutcome
  Organization OrganizationAffiliation Parameters Patient PaymentNotice PaymentReconciliation Person PlanDefinition
  Practitioner PractitionerRole Procedure Provenance Questionnaire QuestionnaireResponse RelatedPerson RequestGroup
  ResearchDefinition ResearchElementDefinition ResearchStudy ResearchSubject RiskAssessment RiskEvidenceSynthesis Schedule
  SearchParameter ServiceRequest Slot Specimen SpecimenDefinition StructureDefinition StructureMap Subscription Substance
  SubstanceNucleicAcid SubstancePolymer SubstanceProtein SubstanceReferenceInformation SubstanceSourceMaterial
  SubstanceSpecification SupplyDelivery SupplyRequest Task TerminologyCapabilities TestReport TestScript ValueSet
  VerificationResult VisionPrescription`.split(/\s+/),
);

/** The types that the R4 search parameter `patient` (clinical-patient) is defined for, by the element that it looks at. */
const PATIENT_ELEMENTS: ReadonlyMap<string, string> = new Map([
  ...`CarePlan CareTeam ClinicalImpression Composition Condition DeviceRequest DeviceUseStatement DiagnosticReport
  DocumentManifest DocumentReference Encounter Flag Goal ImagingStudy List MedicationAdministration MedicationDispense
  MedicationRequest MedicationStatement Observation Procedure RiskAssessment ServiceRequest`
    .split(/\s+/)
    .map((type) => [type, 'subject'] as const),
  ...`AllergyIntolerance Consent DetectedIssue EpisodeOfCare FamilyMemberHistory Immunization NutritionOrder SupplyDelivery
  VisionPrescription`
    .split(/\s+/)
    .map((type) => [type, 'patient'] as const),
]);

export function isResourceType(name: string): boolean {
  return RESOURCE_TYPES.has(name);
}

/** The element that the search parameter `patient` looks at; null if the type has no such parameter. */
export function patientElement(resourceType: string): string | null {
  return PATIENT_ELEMENTS.get(resourceType) ?? null;
}
