import type { Concept } from './terminology.ts';

/** The long-term diseases that a patient's measurements follow. */
export type Disease =
  | 'hypertension'
  | 'diabetes'
  | 'hyperlipidemia'
  | 'obesity'
  | 'kidneyDisease'
  | 'anemia'
  | 'asthma'
  | 'depression'
  | 'hypothyroidism'
  | 'osteoarthritis';

interface ChronicDisease extends Concept {
  /** Share of those who have it at the age of 80; it grows from nothing in a straight line from the age of `from`. */
  readonly share: number;
  readonly from: number;
  readonly medications: readonly Concept[];
}

/** SNOMED CT; medications are RxNorm. */
export const CHRONIC_DISEASES: Readonly<Record<Disease, ChronicDisease>> = {
  hypertension: {
    code: '59621000',
    display: 'Essential hypertension (disorder)',
    share: 0.7,
    from: 25,
    medications: [
      { code: '314076', display: 'lisinopril 10 MG Oral Tablet' },
      { code: '197361', display: 'amlodipine 5 MG Oral Tablet' },
      { code: '310798', display: 'hydrochlorothiazide 25 MG Oral Tablet' },
    ],
  },
  diabetes: {
    code: '44054006',
    display: 'Diabetes mellitus type 2 (disorder)',
    share: 0.3,
    from: 30,
    medications: [
      { code: '860975', display: '24 HR metformin hydrochloride 500 MG Extended Release Oral Tablet' },
      { code: '310534', display: 'glyburide 2.5 MG Oral Tablet' },
    ],
  },
  hyperlipidemia: {
    code: '55822004',
    display: 'Hyperlipidemia (disorder)',
    share: 0.6,
    from: 25,
    medications: [
      { code: '617310', display: 'atorvastatin 20 MG Oral Tablet' },
      { code: '312961', display: 'simvastatin 20 MG Oral Tablet' },
    ],
  },
  obesity: { code: '162864005', display: 'Body mass index 30+ - obesity (finding)', share: 0.55, from: 5, medications: [] },
  kidneyDisease: {
    code: '433144002',
    display: 'Chronic kidney disease stage 3 (disorder)',
    share: 0.2,
    from: 45,
    medications: [],
  },
  anemia: {
    code: '271737000',
    display: 'Anemia (disorder)',
    share: 0.25,
    from: 5,
    medications: [{ code: '310325', display: 'ferrous sulfate 325 MG Oral Tablet' }],
  },
  asthma: {
    code: '195967001',
    display: 'Asthma (disorder)',
    share: 0.3,
    from: -30,
    medications: [{ code: '745679', display: '200 ACTUAT albuterol 0.09 MG/ACTUAT Metered Dose Inhaler' }],
  },
  depression: {
    code: '370143000',
    display: 'Major depressive disorder (disorder)',
    share: 0.3,
    from: 12,
    medications: [
      { code: '312940', display: 'sertraline 25 MG Oral Tablet' },
      { code: '310384', display: 'fluoxetine 10 MG Oral Capsule' },
    ],
  },
  hypothyroidism: {
    code: '40930008',
    display: 'Hypothyroidism (disorder)',
    share: 0.15,
    from: 20,
    medications: [{ code: '966221', display: 'levothyroxine sodium 0.05 MG Oral Tablet' }],
  },
  osteoarthritis: {
    code: '396275006',
    display: 'Osteoarthritis (disorder)',
    share: 0.5,
    from: 40,
    medications: [{ code: '198440', display: 'acetaminophen 500 MG Oral Tablet' }],
  },
};

interface PassingCondition extends Concept {
  /** Days it lasts. */
  readonly days: readonly [shortest: number, longest: number];
  readonly medication?: Concept;
}

const AMOXICILLIN = { code: '308191', display: 'amoxicillin 500 MG Oral Capsule' };
const IBUPROFEN = { code: '310965', display: 'ibuprofen 200 MG Oral Tablet' };

/** What comes and goes, again and again: illnesses, injuries and findings from screening. */
export const PASSING_CONDITIONS: readonly PassingCondition[] = [
  { code: '444814009', display: 'Viral sinusitis (disorder)', days: [5, 21] },
  { code: '195662009', display: 'Acute viral pharyngitis (disorder)', days: [5, 14] },
  { code: '10509002', display: 'Acute bronchitis (disorder)', days: [7, 21] },
  { code: '36971009', display: 'Sinusitis (disorder)', days: [14, 40], medication: AMOXICILLIN },
  { code: '65363002', display: 'Otitis media (disorder)', days: [7, 20], medication: AMOXICILLIN },
  { code: '43878008', display: 'Streptococcal sore throat (disorder)', days: [7, 14], medication: AMOXICILLIN },
  { code: '44465007', display: 'Sprain of ankle (disorder)', days: [14, 35], medication: IBUPROFEN },
  { code: '284551006', display: 'Laceration of foot (disorder)', days: [14, 28], medication: IBUPROFEN },
  { code: '279039007', display: 'Low back pain (finding)', days: [20, 200], medication: IBUPROFEN },
  { code: '73595000', display: 'Stress (finding)', days: [90, 700] },
  { code: '160903007', display: 'Full-time employment (finding)', days: [300, 900] },
  { code: '314529007', display: 'Medication review due (situation)', days: [7, 60] },
  { code: '66383009', display: 'Gingivitis (disorder)', days: [10, 40] },
  { code: '80967001', display: 'Dental caries (disorder)', days: [10, 60] },
  { code: '68566005', display: 'Urinary tract infectious disease (disorder)', days: [5, 15], medication: AMOXICILLIN },
];

/** SNOMED CT. */
export const PROCEDURES: readonly Concept[] = [
  { code: '430193006', display: 'Medication reconciliation (procedure)' },
  { code: '710824005', display: 'Assessment of health and social care needs (procedure)' },
  { code: '171207006', display: 'Depression screening (procedure)' },
  { code: '73761001', display: 'Colonoscopy (procedure)' },
  { code: '399208008', display: 'Plain X-ray of chest (procedure)' },
  { code: '29303009', display: 'Electrocardiographic procedure (procedure)' },
  { code: '288086009', display: 'Suture open wound (procedure)' },
  { code: '34043003', display: 'Dental consultation and report (procedure)' },
  { code: '127783003', display: 'Spirometry (procedure)' },
];
