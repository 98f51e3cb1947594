import { CHRONIC_DISEASES, type Disease } from './content/disorders.ts';
import { createRandom } from './random.ts';
import { DAY, REFERENCE_TIME, YEAR } from './time.ts';

/** What everything else about a patient follows from. Times are milliseconds since 1970. */
export interface PatientProfile {
  readonly index: number;
  readonly female: boolean;
  readonly birth: number;
  readonly death: number | undefined;
  readonly adultHeight: number;
  readonly smoking: 'never' | 'former' | 'current';
  readonly onsets: Readonly<Partial<Record<Disease, number>>>;
  /** The patient's own deviations from the means, in standard deviations. */
  readonly traits: readonly number[];
  /** The part of all conditions and observations that is this patient's, relative to the others'. */
  readonly weight: number;
  /** Visits lie within. */
  readonly careStart: number;
  readonly careEnd: number;
}

/** Streams of the random numbers; each kind of thing has its own, so that one does not move the other. */
export const STREAM = { profile: 1, record: 2, organization: 3, practitioner: 4, demographics: 5 } as const;

const OBSERVED_YEARS = 12;

export function createProfile(index: number): PatientProfile {
  const random = createRandom(STREAM.profile, index);
  const female = random.chance(0.52);
  const age = 0.5 + 88 * Math.min(random.next(), 0.35 + 0.65 * random.next());
  const birth = Math.floor((REFERENCE_TIME - age * YEAR) / DAY) * DAY + 14 * 60 * 60_000;
  const end = REFERENCE_TIME - 4 * DAY;
  const death = age > 55 && random.chance(0.16) ? end - Math.floor(random.next() * 6 * 365) * DAY : undefined;

  const onsets: Partial<Record<Disease, number>> = {};
  for (const [disease, { share, from }] of Object.entries(CHRONIC_DISEASES) as [Disease, (typeof CHRONIC_DISEASES)[Disease]][]) {
    const draw = random.next();
    // The probability grows in a straight line with age: the same draw says whether there is the disease and since when.
    const onsetAge = Math.max(1, from + (draw / share) * (80 - from));
    if (draw < share && onsetAge < age) onsets[disease] = birth + onsetAge * YEAR;
  }
  if (onsets.diabetes === undefined) delete onsets.kidneyDisease;

  const careEnd = death === undefined ? end : death - 2 * DAY;
  return {
    index,
    female,
    birth,
    death,
    adultHeight: (female ? 163 : 177) + 6.5 * random.normal(),
    smoking: random.chance(0.6) ? 'never' : random.chance(0.6) ? 'former' : 'current',
    onsets,
    traits: Array.from({ length: 32 }, () => random.normal()),
    weight: 0.5 + age / 80 + 0.35 * Object.keys(onsets).length + 0.4 * random.next(),
    careStart: Math.max(birth + 20 * DAY, careEnd - OBSERVED_YEARS * YEAR),
    careEnd,
  };
}
