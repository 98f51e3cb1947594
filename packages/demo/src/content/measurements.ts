import type { PatientProfile } from '../patient-profile.ts';
import type { Random } from '../random.ts';
import { YEAR } from '../time.ts';

/** Everything that can be measured of a patient at one moment; one draw, so that the values fit each other. */
export interface Measurements {
  readonly [measure: string]: number;
}

/** All measures in the units of their definitions. Diseases show from their onset on. */
export function measure(patient: PatientProfile, time: number, random: Random) {
  const age = (time - patient.birth) / YEAR;
  const has = (disease: keyof PatientProfile['onsets']) => (patient.onsets[disease] ?? Number.POSITIVE_INFINITY) <= time;
  /** A value around a mean, shifted by the patient's own constant deviation. */
  const around = (mean: number, deviation: number, trait: number): number =>
    mean + deviation * (0.7 * (patient.traits[trait % patient.traits.length] as number) + 0.5 * random.normal());

  // Growth to 18 years along a parabola: near enough, and the same on every machine.
  const growth = age >= 18 ? 1 : (age / 18) * (2 - age / 18);
  const height = 52 + (patient.adultHeight - 52) * growth;
  const bmi = Math.max(13.5, around(has('obesity') ? 33.5 : 24, 2, 0) - 7.5 * (1 - growth));
  const weight = (bmi * height * height) / 10_000;

  const hemoglobin = around(has('anemia') ? 10.4 : patient.female ? 13.6 : 15, 0.9, 1);
  const meanVolume = around(has('anemia') ? 79 : 90, 3, 2);
  const meanConcentration = around(33.6, 0.7, 3);
  const hematocrit = (hemoglobin / meanConcentration) * 100;
  const redCells = (hematocrit * 10) / meanVolume;

  const a1c = Math.max(4.3, around(has('diabetes') ? 7.6 : 5.3, has('diabetes') ? 1.1 : 0.25, 4));
  // The average glucose of an HbA1c (Nathan et al. 2008: 28.7 × A1c − 46.7), less for a fasting patient.
  const glucose = Math.max(52, (28.7 * a1c - 46.7) * 0.88 + 7 * random.normal());
  const creatinine = Math.max(
    0.3,
    around(has('kidneyDisease') ? 1.75 : patient.female ? 0.78 : 0.98, 0.14, 5) * (0.45 + 0.55 * growth),
  );
  const filtration = Math.min(
    125,
    Math.max(8, ((patient.female ? 78 : 96) / creatinine) * (1.12 - Math.max(0, age - 40) * 0.006)),
  );
  const triglycerides = Math.max(38, around(has('diabetes') ? 178 : 112, 34, 6));
  const hdl = Math.max(24, around(patient.female ? 57 : 48, 9, 7) - (triglycerides - 112) * 0.06);
  const ldl = Math.max(35, around(has('hyperlipidemia') ? 158 : 103, 22, 8));
  const systolic = around(has('hypertension') ? 146 : 117, 9, 9) - 22 * (1 - growth);
  const depression = has('depression') ? Math.max(0, around(11, 4, 10)) : Math.max(0, around(2, 2, 10));

  return {
    height,
    weight,
    bmi,
    systolic,
    diastolic: systolic * 0.62 + around(4, 3, 11),
    heartRate: around(74, 8, 12) + 38 * (1 - growth),
    respiratoryRate: around(15, 1.4, 13) + 9 * (1 - growth),
    temperature: 36.8 + 0.28 * random.normal() + (random.chance(0.05) ? 1.4 : 0),
    oxygen: Math.min(100, around(has('asthma') ? 96.4 : 98, 0.9, 14)),
    pain: Math.max(0, Math.min(10, around(has('osteoarthritis') ? 4 : 1.5, 1.6, 15))),
    whiteCells: Math.max(2.2, around(7.1, 1.7, 16) + (random.chance(0.06) ? 5 : 0)),
    redCells,
    hemoglobin,
    hematocrit,
    meanVolume,
    meanHemoglobin: (hemoglobin * 10) / redCells,
    meanConcentration,
    platelets: Math.max(70, around(258, 52, 17)),
    redCellWidth: around(has('anemia') ? 15.8 : 13.2, 0.7, 18),
    glucose,
    a1c,
    ureaNitrogen: Math.max(4, around(has('kidneyDisease') ? 29 : 14, 3.2, 19)),
    creatinine,
    filtration,
    calcium: around(9.4, 0.35, 20),
    sodium: around(140, 2.1, 21),
    potassium: around(has('kidneyDisease') ? 4.75 : 4.2, 0.32, 22),
    chloride: around(103, 2.3, 23),
    bicarbonate: around(has('kidneyDisease') ? 22.5 : 25.5, 1.9, 24),
    protein: around(7.1, 0.4, 25),
    albumin: around(4.3, 0.28, 26),
    bilirubin: Math.max(0.1, around(0.62, 0.24, 27)),
    alkalinePhosphatase: Math.max(22, around(74, 19, 28) + 140 * (1 - growth)),
    alt: Math.max(6, around(has('obesity') ? 38 : 24, 9, 29)),
    ast: Math.max(8, around(has('obesity') ? 31 : 23, 7, 30)),
    cholesterol: ldl + hdl + triglycerides / 5,
    triglycerides,
    hdl,
    ldl,
    thyrotropin: Math.max(0.1, around(has('hypothyroidism') ? 6.2 : 2.1, has('hypothyroidism') ? 1.8 : 0.7, 31)),
    phq2: Math.min(6, depression / 3),
    phq9: Math.min(27, depression),
  } satisfies Measurements;
}

export type Measure = keyof ReturnType<typeof measure>;
