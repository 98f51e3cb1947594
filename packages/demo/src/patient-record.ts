import {
  conditionResource,
  encounterResource,
  medicationRequestResource,
  type OnsetForm,
  procedureResource,
  type Visit,
} from './care-resources.ts';
import { CHRONIC_DISEASES, type Disease, PASSING_CONDITIONS, PROCEDURES } from './content/disorders.ts';
import { measure } from './content/measurements.ts';
import { type ObservationDefinition, VISIT_KINDS, type VisitKind } from './content/observation-definitions.ts';
import type { Concept } from './content/terminology.ts';
import { type ObservationStory, observationResource } from './observation-resource.ts';
import type { Staff } from './organizations.ts';
import { createProfile, type PatientProfile, STREAM } from './patient-profile.ts';
import { patientResource } from './patient-resource.ts';
import { createRandom, pickByShare, type Random } from './random.ts';
import type { DemoResource, ResourceType, TagName, Target } from './resource.ts';
import { DAY, HOUR, MINUTE, toDateTime, toInstant, YEAR } from './time.ts';

/** How many live ones a patient has. */
export interface Quota {
  readonly conditions: number;
  readonly observations: number;
}

/** Far beyond the index of any patient who is counted. */
const DELETED_PATIENTS = 1_000_000_000;

/**
 * The resources of one patient, those that are referred to first. They depend on the profile, the quota and the first key alone.
 * Histories come by turns (every n-th resource) rather than by chance, so that a small demo has all of them.
 * @param nextKey gives the next `res_id`.
 */
export function* patientRecord(
  profile: PatientProfile,
  quota: Quota,
  staff: Staff,
  nextKey: () => number,
): Generator<DemoResource> {
  const random = createRandom(STREAM.record, profile.index);
  const newTarget = (type: ResourceType): Target => ({ type, key: nextKey(), id: random.uuid() });

  const clinic = profile.index % staff.organizations;
  const organization = staff.organization(clinic);
  const practitionersHere = staff.practitioners / staff.organizations;
  const patient = newTarget('Patient');
  yield patientResource(profile, patient, organization);
  if (profile.index % 50 === 2) {
    yield patientResource(createProfile(DELETED_PATIENTS + profile.index), newTarget('Patient'), organization, { deleted: true });
  }

  const plan = planVisits(profile, quota.observations, random);
  const diagnoses = diagnosisSource(profile, random);
  const made = { conditions: 0, observations: 0, medications: 0 };

  for (const [position, { kind, observations }] of plan.entries()) {
    const start = visitStart(profile, position, plan.length, random);
    const visit: Visit = {
      patient,
      organization,
      practitioner: staff.practitioner(clinic * practitionersHere + random.integer(0, practitionersHere - 1)),
      encounter: newTarget('Encounter'),
      kind,
      start,
      end: start + random.integer(...kind.minutes) * MINUTE,
    };
    yield encounterResource(visit);
    const prescribe = (medication: Concept, ended: boolean, reason?: Target): DemoResource =>
      medicationRequestResource(newTarget('MedicationRequest'), visit, {
        medication,
        status: ended ? (random.chance(0.85) ? 'completed' : 'stopped') : 'active',
        wasActive: made.medications++ % 6 === 2,
        timesADay: random.integer(1, 3),
        ...(reason && { reason }),
      });

    const conditionsUntilNow = Math.floor((quota.conditions * (position + 1)) / plan.length);
    while (made.conditions < conditionsUntilNow) {
      const turn = made.conditions++;
      const diagnosis = diagnoses(start);
      const target = newTarget('Condition');
      const story = { ...diagnosis, wasActive: turn % 12 === 5, provisional: random.chance(0.04) };
      yield conditionResource(target, visit, { ...story, ...(turn % 60 === 20 && { fate: 'recreated' }) });
      if (diagnosis.medication) yield prescribe(diagnosis.medication, diagnosis.abatement !== undefined, target);
      if (turn % 40 === 10) yield conditionResource(newTarget('Condition'), visit, { ...story, fate: 'deleted' });
    }

    const context = {
      profile,
      patient,
      encounter: visit.encounter,
      effective: toDateTime(start),
      issued: toInstant(start + 10 * MINUTE + random.integer(0, 999)),
      values: measure(profile, start, random),
    };
    for (const definition of observations) {
      const turn = made.observations++;
      const tagged = position % 3 === 0;
      const story: ObservationStory =
        turn % 50 === 7 ? { tagged, history: 'corrected' } : turn % 50 === 31 ? { tagged, history: 'preliminary' } : { tagged };
      yield observationResource(definition, newTarget('Observation'), context, {
        ...story,
        ...(turn % 400 === 100 && { fate: 'recreated' }),
      });
      if (turn % 150 === 60)
        yield observationResource(definition, newTarget('Observation'), context, { ...story, fate: 'deleted' });
    }

    for (const [disease, onset] of Object.entries(profile.onsets) as [Disease, number][]) {
      const { medications } = CHRONIC_DISEASES[disease];
      if (onset > start || medications.length === 0 || !random.chance(0.15)) continue;
      yield prescribe(random.pick(medications), start < profile.careEnd - YEAR);
    }
    if (random.chance(0.55)) {
      yield procedureResource(newTarget('Procedure'), visit, random.pick(PROCEDURES), random.chance(0.6) ? 'period' : 'dateTime');
    }
  }
}

interface PlannedVisit {
  readonly kind: VisitKind;
  readonly observations: readonly ObservationDefinition[];
}

/** As many visits as the observations need, at least one. The last one is cut short. */
function planVisits(profile: PatientProfile, observations: number, random: Random): PlannedVisit[] {
  const child = profile.careEnd - profile.birth < 16 * YEAR;
  const visits: PlannedVisit[] = [];
  let left = observations;
  do {
    const kind = pickByShare(VISIT_KINDS, random);
    const suitable = child
      ? kind.observations.filter(({ category }) => category === 'laboratory' || category === 'vital-signs')
      : kind.observations;
    visits.push({ kind, observations: suitable.slice(0, left) });
    left -= Math.min(left, suitable.length);
  } while (left > 0);
  return visits;
}

/** Spread over the years of care; on the hospital's clock between eight and five. */
function visitStart(profile: PatientProfile, position: number, visits: number, random: Random): number {
  const share = (position + random.next()) / visits;
  const day = Math.floor((profile.careStart + share * (profile.careEnd - profile.careStart)) / DAY) * DAY;
  return day + 13 * HOUR + random.integer(0, 9 * 60 * 60 - 1) * 1000;
}

interface Diagnosis {
  readonly disorder: Concept;
  readonly onset: number;
  readonly onsetForm: OnsetForm;
  readonly abatement?: number;
  readonly medication?: Concept;
  readonly tags: readonly TagName[];
}

/** Gives one diagnosis after the other: a long-term disease once it is there, else something that passes. */
function diagnosisSource(profile: PatientProfile, random: Random): (time: number) => Diagnosis {
  const pending = (Object.entries(profile.onsets) as [Disease, number][]).sort((a, b) => a[1] - b[1]);
  const restricted = profile.index % 16 === 3;

  return (time: number) => {
    const tagged: TagName[] = random.chance(0.6) ? ['condition'] : [];
    const [first] = pending;
    if (first && first[1] <= time) {
      pending.shift();
      const [disease, onset] = first;
      if (restricted && disease === 'depression') tagged.push('restricted');
      return {
        disorder: CHRONIC_DISEASES[disease],
        onset,
        onsetForm: random.pick(['date', 'month', 'date', 'year'] as const),
        tags: tagged,
      };
    }
    const passing = random.pick(PASSING_CONDITIONS);
    const onset = time - random.integer(0, 3 * 24) * HOUR;
    const draw = random.next();
    const onsetForm: OnsetForm = draw < 0.78 ? 'dateTime' : draw < 0.87 ? 'date' : draw < 0.95 ? 'month' : 'period';
    const abatement = time + random.integer(...passing.days) * DAY;
    return {
      disorder: passing,
      onset,
      onsetForm,
      tags: tagged,
      ...(abatement < profile.careEnd && { abatement }),
      ...(passing.medication && { medication: passing.medication }),
    };
  };
}
