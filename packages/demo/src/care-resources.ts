import type { VisitKind } from './content/observation-definitions.ts';
import {
  ACT_CODE,
  CONDITION_CATEGORY,
  CONDITION_CLINICAL,
  CONDITION_VERIFICATION,
  type Concept,
  codeOnly,
  concept,
  RXNORM,
  SNOMED,
} from './content/terminology.ts';
import { type DateSpan, type DemoResource, reference, subjectLinks, type TagName, type Target } from './resource.ts';
import { DAY, MINUTE, toDate, toDateTime } from './time.ts';

/** One visit of a patient. */
export interface Visit {
  readonly patient: Target;
  readonly encounter: Target;
  readonly practitioner: Target;
  readonly organization: Target;
  readonly kind: VisitKind;
  readonly start: number;
  readonly end: number;
}

export function encounterResource({ patient, encounter, practitioner, organization, kind, start, end }: Visit): DemoResource {
  const period = { start: toDateTime(start), end: toDateTime(end) };
  const text = JSON.stringify({
    resourceType: 'Encounter',
    status: 'finished',
    class: { system: ACT_CODE, code: kind.encounterClass },
    type: [concept(SNOMED, kind)],
    subject: reference(patient),
    participant: [{ individual: reference(practitioner) }],
    period,
    serviceProvider: reference(organization),
  });
  return {
    ...encounter,
    texts: [text],
    tags: [],
    tokens: [
      ['class', ACT_CODE, kind.encounterClass],
      ['status', 'http://hl7.org/fhir/encounter-status', 'finished'],
      ['type', SNOMED, kind.code],
    ],
    dates: [['date', period.start, period.end]],
    links: [
      ...subjectLinks('Encounter', patient),
      { path: 'Encounter.participant.individual', type: 'Practitioner', key: practitioner.key },
      { path: 'Encounter.participant.individual.where(resolve() is Practitioner)', type: 'Practitioner', key: practitioner.key },
      { path: 'Encounter.serviceProvider', type: 'Organization', key: organization.key },
    ],
  };
}

export type OnsetForm = 'dateTime' | 'date' | 'month' | 'year' | 'period';

export interface ConditionStory {
  readonly disorder: Concept;
  readonly onset: number;
  readonly onsetForm: OnsetForm;
  /** Absent while the condition lasts. */
  readonly abatement?: number;
  /** An earlier version, in which the condition lasted, is kept. */
  readonly wasActive: boolean;
  readonly provisional: boolean;
  readonly fate?: 'deleted' | 'recreated';
  readonly tags: readonly TagName[];
}

export function conditionResource(target: Target, visit: Visit, story: ConditionStory): DemoResource {
  const onset = onsetOf(story);
  const recorded = toDateTime(visit.start);
  const abatement = story.abatement === undefined ? undefined : toDateTime(story.abatement);
  const verification = story.provisional ? 'provisional' : 'confirmed';
  const clinical = abatement ? 'resolved' : 'active';
  const render = (status: string, abated: string | undefined): string =>
    JSON.stringify({
      resourceType: 'Condition',
      clinicalStatus: codeOnly(CONDITION_CLINICAL, status),
      verificationStatus: codeOnly(CONDITION_VERIFICATION, verification),
      category: [{ coding: [{ system: CONDITION_CATEGORY, code: 'encounter-diagnosis', display: 'Encounter Diagnosis' }] }],
      code: concept(SNOMED, story.disorder),
      subject: reference(visit.patient),
      encounter: reference(visit.encounter),
      ...onset.element,
      ...(abated && { abatementDateTime: abated }),
      recordedDate: recorded,
      recorder: reference(visit.practitioner),
    });

  const texts = [render(clinical, abatement)];
  if (story.wasActive && abatement) texts.unshift(render('active', undefined));
  return {
    ...target,
    texts,
    ...(story.fate && { fate: story.fate }),
    tags: story.tags,
    tokens: [
      ['category', CONDITION_CATEGORY, 'encounter-diagnosis'],
      ['clinical-status', CONDITION_CLINICAL, clinical],
      ['code', SNOMED, story.disorder.code],
      ['verification-status', CONDITION_VERIFICATION, verification],
    ],
    dates: [
      onset.span,
      ['recorded-date', recorded, recorded],
      ...(abatement ? ([['abatement-date', abatement, abatement]] as const) : []),
    ],
    links: [
      ...subjectLinks('Condition', visit.patient),
      { path: 'Condition.encounter', type: 'Encounter', key: visit.encounter.key },
    ],
  };
}

function onsetOf({ onset, onsetForm }: ConditionStory): { element: object; span: DateSpan } {
  if (onsetForm === 'period') {
    const [start, end] = [toDateTime(onset), toDateTime(onset + 2 * DAY)];
    return { element: { onsetPeriod: { start, end } }, span: ['onset-date', start, end] };
  }
  const lengths = { date: 10, month: 7, year: 4 } as const;
  const text = onsetForm === 'dateTime' ? toDateTime(onset) : toDate(onset).slice(0, lengths[onsetForm]);
  return { element: { onsetDateTime: text }, span: ['onset-date', text, text] };
}

export interface MedicationStory {
  readonly medication: Concept;
  readonly status: 'active' | 'completed' | 'stopped';
  /** An earlier version, in which the request was active, is kept. */
  readonly wasActive: boolean;
  readonly timesADay: number;
  readonly reason?: Target;
}

export function medicationRequestResource(target: Target, visit: Visit, story: MedicationStory): DemoResource {
  const authoredOn = toDateTime(visit.end);
  const render = (status: string): string =>
    JSON.stringify({
      resourceType: 'MedicationRequest',
      status,
      intent: 'order',
      medicationCodeableConcept: concept(RXNORM, story.medication),
      subject: reference(visit.patient),
      encounter: reference(visit.encounter),
      authoredOn,
      requester: reference(visit.practitioner),
      ...(story.reason && { reasonReference: [reference(story.reason)] }),
      dosageInstruction: [
        {
          sequence: 1,
          text: `Take ${story.timesADay} time${story.timesADay === 1 ? '' : 's'} a day`,
          timing: { repeat: { frequency: story.timesADay, period: 1, periodUnit: 'd' } },
          doseAndRate: [{ doseQuantity: { value: 1 } }],
        },
      ],
    });
  const texts = [render(story.status)];
  if (story.wasActive && story.status !== 'active') texts.unshift(render('active'));
  return {
    ...target,
    texts,
    tags: ['medication'],
    tokens: [
      ['code', RXNORM, story.medication.code],
      ['intent', 'http://hl7.org/fhir/CodeSystem/medicationrequest-intent', 'order'],
      ['status', 'http://hl7.org/fhir/CodeSystem/medicationrequest-status', story.status],
    ],
    dates: [['authoredon', authoredOn, authoredOn]],
    links: [
      ...subjectLinks('MedicationRequest', visit.patient),
      { path: 'MedicationRequest.encounter', type: 'Encounter', key: visit.encounter.key },
      { path: 'MedicationRequest.requester', type: 'Practitioner', key: visit.practitioner.key },
    ],
  };
}

/** @param form whether the moment or the period of the performance is recorded. */
export function procedureResource(target: Target, visit: Visit, procedure: Concept, form: 'dateTime' | 'period'): DemoResource {
  const [start, end] = [toDateTime(visit.start), toDateTime(visit.start + 15 * MINUTE)];
  const text = JSON.stringify({
    resourceType: 'Procedure',
    status: 'completed',
    code: concept(SNOMED, procedure),
    subject: reference(visit.patient),
    encounter: reference(visit.encounter),
    ...(form === 'period' ? { performedPeriod: { start, end } } : { performedDateTime: start }),
    performer: [{ actor: reference(visit.practitioner) }],
  });
  return {
    ...target,
    texts: [text],
    tags: [],
    tokens: [
      ['code', SNOMED, procedure.code],
      ['status', 'http://hl7.org/fhir/event-status', 'completed'],
    ],
    dates: [['date', start, form === 'period' ? end : start]],
    links: [
      ...subjectLinks('Procedure', visit.patient),
      { path: 'Procedure.encounter', type: 'Encounter', key: visit.encounter.key },
      { path: 'Procedure.performer.actor', type: 'Practitioner', key: visit.practitioner.key },
    ],
  };
}
