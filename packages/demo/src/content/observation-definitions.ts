import type { Measure } from './measurements.ts';
import type { Concept } from './terminology.ts';

export type Category = 'laboratory' | 'vital-signs' | 'social-history' | 'survey';

/** An observation with one measured value. */
export interface QuantityDefinition extends Concept {
  readonly kind: 'quantity';
  readonly category: Category;
  readonly measure: Measure;
  /** UCUM code, and what people write. */
  readonly ucum: string;
  readonly unit: string;
  /** Digits after the point, kept when they are zero. */
  readonly digits: number;
  readonly range?: Range | { readonly female: Range; readonly male: Range };
}

/** The reference range; either end can be open. */
export type Range = readonly [low: number | null, high: number | null];

/** Systolic and diastolic blood pressure as components, and a smoking status, each in a form of its own. */
export type ObservationDefinition =
  | QuantityDefinition
  | (Concept & { readonly kind: 'blood-pressure'; readonly category: 'vital-signs' })
  | (Concept & { readonly kind: 'smoking-status'; readonly category: 'social-history' });

function quantity(
  category: Category,
  [code, display]: readonly [code: string, display: string],
  measure: Measure,
  [ucum, unit, digits]: readonly [ucum: string, unit: string, digits: number],
  range?: QuantityDefinition['range'],
): QuantityDefinition {
  return { kind: 'quantity', category, code, display, measure, ucum, unit, digits, ...(range && { range }) };
}

const BLOOD_PRESSURE: ObservationDefinition = {
  kind: 'blood-pressure',
  category: 'vital-signs',
  code: '85354-9',
  display: 'Blood pressure panel with all children optional',
};

const SMOKING_STATUS: ObservationDefinition = {
  kind: 'smoking-status',
  category: 'social-history',
  code: '72166-2',
  display: 'Tobacco smoking status',
};

const VITALS: readonly ObservationDefinition[] = [
  BLOOD_PRESSURE,
  quantity('vital-signs', ['29463-7', 'Body weight'], 'weight', ['kg', 'kg', 1]),
  quantity('vital-signs', ['8302-2', 'Body height'], 'height', ['cm', 'cm', 1]),
  quantity('vital-signs', ['39156-5', 'Body mass index (BMI) [Ratio]'], 'bmi', ['kg/m2', 'kg/m2', 2]),
  quantity('vital-signs', ['8867-4', 'Heart rate'], 'heartRate', ['/min', 'beats/minute', 0]),
  quantity('vital-signs', ['9279-1', 'Respiratory rate'], 'respiratoryRate', ['/min', 'breaths/minute', 0]),
  quantity('vital-signs', ['8310-5', 'Body temperature'], 'temperature', ['Cel', '°C', 1]),
  quantity('vital-signs', ['2708-6', 'Oxygen saturation in Arterial blood'], 'oxygen', ['%', '%', 0]),
];

const BLOOD_COUNT: readonly ObservationDefinition[] = [
  quantity(
    'laboratory',
    ['6690-2', 'Leukocytes [#/volume] in Blood by Automated count'],
    'whiteCells',
    ['10*3/uL', '10*3/uL', 2],
    [4.5, 11],
  ),
  quantity(
    'laboratory',
    ['789-8', 'Erythrocytes [#/volume] in Blood by Automated count'],
    'redCells',
    ['10*6/uL', '10*6/uL', 2],
    {
      female: [3.9, 5.2],
      male: [4.3, 5.9],
    },
  ),
  quantity('laboratory', ['718-7', 'Hemoglobin [Mass/volume] in Blood'], 'hemoglobin', ['g/dL', 'g/dL', 1], {
    female: [12, 16],
    male: [13.5, 17.5],
  }),
  quantity('laboratory', ['4544-3', 'Hematocrit [Volume Fraction] of Blood by Automated count'], 'hematocrit', ['%', '%', 1], {
    female: [36, 46],
    male: [41, 53],
  }),
  quantity('laboratory', ['787-2', 'MCV [Entitic volume] by Automated count'], 'meanVolume', ['fL', 'fL', 1], [80, 100]),
  quantity('laboratory', ['785-6', 'MCH [Entitic mass] by Automated count'], 'meanHemoglobin', ['pg', 'pg', 1], [25, 35]),
  quantity('laboratory', ['786-4', 'MCHC [Mass/volume] by Automated count'], 'meanConcentration', ['g/dL', 'g/dL', 1], [31, 36]),
  quantity(
    'laboratory',
    ['788-0', 'Erythrocyte distribution width [Ratio] by Automated count'],
    'redCellWidth',
    ['%', '%', 1],
    [11.5, 14.5],
  ),
  quantity(
    'laboratory',
    ['777-3', 'Platelets [#/volume] in Blood by Automated count'],
    'platelets',
    ['10*3/uL', '10*3/uL', 0],
    [150, 400],
  ),
];

const METABOLIC: readonly ObservationDefinition[] = [
  quantity('laboratory', ['2345-7', 'Glucose [Mass/volume] in Serum or Plasma'], 'glucose', ['mg/dL', 'mg/dL', 1], [70, 99]),
  quantity(
    'laboratory',
    ['3094-0', 'Urea nitrogen [Mass/volume] in Serum or Plasma'],
    'ureaNitrogen',
    ['mg/dL', 'mg/dL', 0],
    [7, 20],
  ),
  quantity(
    'laboratory',
    ['2160-0', 'Creatinine [Mass/volume] in Serum or Plasma'],
    'creatinine',
    ['mg/dL', 'mg/dL', 2],
    [0.5, 1.3],
  ),
  quantity(
    'laboratory',
    ['33914-3', 'Glomerular filtration rate/1.73 sq M.predicted'],
    'filtration',
    ['mL/min/{1.73_m2}', 'mL/min/1.73m2', 0],
    [60, null],
  ),
  quantity('laboratory', ['17861-6', 'Calcium [Mass/volume] in Serum or Plasma'], 'calcium', ['mg/dL', 'mg/dL', 1], [8.5, 10.5]),
  quantity('laboratory', ['2951-2', 'Sodium [Moles/volume] in Serum or Plasma'], 'sodium', ['mmol/L', 'mmol/L', 0], [136, 145]),
  quantity(
    'laboratory',
    ['2823-3', 'Potassium [Moles/volume] in Serum or Plasma'],
    'potassium',
    ['mmol/L', 'mmol/L', 2],
    [3.5, 5],
  ),
  quantity(
    'laboratory',
    ['2075-0', 'Chloride [Moles/volume] in Serum or Plasma'],
    'chloride',
    ['mmol/L', 'mmol/L', 0],
    [98, 107],
  ),
  quantity(
    'laboratory',
    ['2028-9', 'Carbon dioxide, total [Moles/volume] in Serum or Plasma'],
    'bicarbonate',
    ['mmol/L', 'mmol/L', 0],
    [22, 29],
  ),
  quantity('laboratory', ['2885-2', 'Protein [Mass/volume] in Serum or Plasma'], 'protein', ['g/dL', 'g/dL', 1], [6, 8.3]),
  quantity('laboratory', ['1751-7', 'Albumin [Mass/volume] in Serum or Plasma'], 'albumin', ['g/dL', 'g/dL', 2], [3.5, 5]),
  quantity(
    'laboratory',
    ['1975-2', 'Bilirubin.total [Mass/volume] in Serum or Plasma'],
    'bilirubin',
    ['mg/dL', 'mg/dL', 2],
    [0.1, 1.2],
  ),
  quantity(
    'laboratory',
    ['6768-6', 'Alkaline phosphatase [Enzymatic activity/volume] in Serum or Plasma'],
    'alkalinePhosphatase',
    ['U/L', 'U/L', 0],
    [40, 129],
  ),
  quantity(
    'laboratory',
    ['1742-6', 'Alanine aminotransferase [Enzymatic activity/volume] in Serum or Plasma'],
    'alt',
    ['U/L', 'U/L', 0],
    [null, 41],
  ),
  quantity(
    'laboratory',
    ['1920-8', 'Aspartate aminotransferase [Enzymatic activity/volume] in Serum or Plasma'],
    'ast',
    ['U/L', 'U/L', 0],
    [null, 40],
  ),
];

const LIPIDS: readonly ObservationDefinition[] = [
  quantity(
    'laboratory',
    ['2093-3', 'Cholesterol [Mass/volume] in Serum or Plasma'],
    'cholesterol',
    ['mg/dL', 'mg/dL', 1],
    [null, 200],
  ),
  quantity(
    'laboratory',
    ['2571-8', 'Triglyceride [Mass/volume] in Serum or Plasma'],
    'triglycerides',
    ['mg/dL', 'mg/dL', 1],
    [null, 150],
  ),
  quantity(
    'laboratory',
    ['2085-9', 'Cholesterol in HDL [Mass/volume] in Serum or Plasma'],
    'hdl',
    ['mg/dL', 'mg/dL', 1],
    [40, null],
  ),
  quantity(
    'laboratory',
    ['13457-7', 'Cholesterol in LDL [Mass/volume] in Serum or Plasma by calculation'],
    'ldl',
    ['mg/dL', 'mg/dL', 1],
    [null, 130],
  ),
];

const HBA1C = quantity('laboratory', ['4548-4', 'Hemoglobin A1c/Hemoglobin.total in Blood'], 'a1c', ['%', '%', 1], [4, 5.6]);
const THYROTROPIN = quantity(
  'laboratory',
  ['3016-3', 'Thyrotropin [Units/volume] in Serum or Plasma'],
  'thyrotropin',
  ['m[IU]/L', 'mIU/L', 2],
  [0.4, 4],
);
const PHQ2 = quantity('survey', ['55758-7', 'Patient Health Questionnaire 2 item (PHQ-2) total score'], 'phq2', [
  '{score}',
  'score',
  0,
]);
const PHQ9 = quantity('survey', ['44261-6', 'Patient Health Questionnaire 9 item (PHQ-9) total score'], 'phq9', [
  '{score}',
  'score',
  0,
]);
const PAIN = quantity('survey', ['72514-3', 'Pain severity - 0-10 verbal numeric rating [Score] - Reported'], 'pain', [
  '{score}',
  'score',
  0,
]);

export interface VisitKind extends Concept {
  /** How often it happens among all visits. */
  readonly share: number;
  /** v3-ActCode */
  readonly encounterClass: 'AMB' | 'EMER';
  readonly minutes: readonly [shortest: number, longest: number];
  readonly observations: readonly ObservationDefinition[];
}

/** Kinds of visits (SNOMED CT) and what is measured there, in this order. */
export const VISIT_KINDS: readonly VisitKind[] = [
  {
    code: '162673000',
    display: 'General examination of patient (procedure)',
    share: 0.2,
    encounterClass: 'AMB',
    minutes: [25, 60],
    observations: [...VITALS, SMOKING_STATUS, PHQ2, ...BLOOD_COUNT, ...METABOLIC, ...LIPIDS, HBA1C, THYROTROPIN],
  },
  {
    code: '390906007',
    display: 'Follow-up encounter (procedure)',
    share: 0.35,
    encounterClass: 'AMB',
    minutes: [15, 30],
    observations: [BLOOD_PRESSURE, ...VITALS.slice(1, 2), ...METABOLIC.slice(0, 9), HBA1C],
  },
  {
    code: '185345009',
    display: 'Encounter for symptom (procedure)',
    share: 0.35,
    encounterClass: 'AMB',
    minutes: [10, 25],
    observations: [...VITALS.slice(0, 2), ...VITALS.slice(4), PAIN],
  },
  {
    code: '50849002',
    display: 'Emergency room admission (procedure)',
    share: 0.1,
    encounterClass: 'EMER',
    minutes: [60, 400],
    observations: [BLOOD_PRESSURE, ...VITALS.slice(4), PAIN, PHQ9, ...BLOOD_COUNT, ...METABOLIC.slice(0, 9)],
  },
];
