import type { Measure } from './content/measurements.ts';
import type { Category, ObservationDefinition, QuantityDefinition, Range } from './content/observation-definitions.ts';
import { concept, INTERPRETATION, LOINC, OBSERVATION_CATEGORY, SNOMED, UCUM } from './content/terminology.ts';
import type { PatientProfile } from './patient-profile.ts';
import type { DemoResource, Link, TagName, Target, Token } from './resource.ts';
import { subjectLinks } from './resource.ts';

const CATEGORY_DISPLAYS: Readonly<Record<Category, string>> = {
  laboratory: 'Laboratory',
  'vital-signs': 'Vital Signs',
  'social-history': 'Social History',
  survey: 'Survey',
};
const SYSTOLIC = { code: '8480-6', display: 'Systolic blood pressure' };
const DIASTOLIC = { code: '8462-4', display: 'Diastolic blood pressure' };
const SMOKING = {
  never: { code: '266919005', display: 'Never smoked tobacco (finding)' },
  former: { code: '8517006', display: 'Ex-smoker (finding)' },
  current: { code: '77176002', display: 'Smoker (finding)' },
} as const;
const STATUS_TOKENS = {
  final: ['status', 'http://hl7.org/fhir/observation-status', 'final'],
  corrected: ['status', 'http://hl7.org/fhir/observation-status', 'corrected'],
} as const satisfies Record<string, Token>;
const INTERPRETATIONS = { L: 'Low', N: 'Normal', H: 'High' } as const;

/** What the observations of one visit have in common. */
export interface ObservationContext {
  readonly profile: PatientProfile;
  readonly patient: Target;
  readonly encounter: Target;
  readonly effective: string;
  readonly issued: string;
  readonly values: Readonly<Record<Measure, number>>;
}

export interface ObservationStory {
  /** The first version held another value, or was preliminary. */
  readonly history?: 'corrected' | 'preliminary';
  readonly fate?: 'deleted' | 'recreated';
  readonly tagged: boolean;
}

/**
 * Observations are most of a demo, so their text is put together from prepared pieces: this is also what keeps a value such as
 * `4.10` as it is, where JSON.stringify would drop the zero.
 */
export function observationResource(
  definition: ObservationDefinition,
  target: Target,
  context: ObservationContext,
  story: ObservationStory,
): DemoResource {
  const { patient, encounter } = context;
  const laboratory = definition.category === 'laboratory';
  const render = (status: string, shift: number): string =>
    `{"resourceType":"Observation","status":"${status}",${headOf(definition)},"subject":{"reference":"Patient/${patient.id}"}` +
    `,"encounter":{"reference":"Encounter/${encounter.id}"},"effectiveDateTime":"${context.effective}","issued":"${context.issued}",` +
    `${valueMember(definition, context, shift)}}`;

  const status = story.history === 'corrected' ? 'corrected' : 'final';
  const texts = [render(status, 1)];
  if (story.history === 'corrected') texts.unshift(render('final', 1.1));
  if (story.history === 'preliminary') texts.unshift(render('preliminary', 1));

  const links: Link[] = [
    ...subjectLinks('Observation', patient),
    { path: 'Observation.encounter', type: 'Encounter', key: encounter.key },
  ];
  const profileTag: TagName | undefined = laboratory
    ? 'laboratory'
    : definition.category === 'vital-signs'
      ? 'vitals'
      : undefined;
  return {
    ...target,
    texts,
    ...(story.fate && { fate: story.fate }),
    tags: story.tagged && profileTag ? [profileTag] : [],
    ...(laboratory && story.tagged && { source: 'https://laboratory.example.org/results' }),
    tokens: [...tokensOf(definition), ...valueTokens(definition, context), STATUS_TOKENS[status]],
    dates: [['date', context.effective, context.effective]],
    links,
  };
}

const heads = new Map<ObservationDefinition, string>();

/** Category and code as JSON members; made once for each definition. */
function headOf(definition: ObservationDefinition): string {
  let head = heads.get(definition);
  if (head === undefined) {
    const { category } = definition;
    head =
      `"category":[{"coding":[${JSON.stringify({ system: OBSERVATION_CATEGORY, code: category, display: CATEGORY_DISPLAYS[category] })}]}]` +
      `,"code":${JSON.stringify(concept(LOINC, definition))}`;
    heads.set(definition, head);
  }
  return head;
}

function valueMember(definition: ObservationDefinition, { profile, values }: ObservationContext, shift: number): string {
  switch (definition.kind) {
    case 'smoking-status':
      return `"valueCodeableConcept":${JSON.stringify(concept(SNOMED, SMOKING[profile.smoking]))}`;
    case 'blood-pressure': {
      const component = (part: { code: string; display: string }, value: number) =>
        `{"code":${JSON.stringify(concept(LOINC, part))},"valueQuantity":${quantity((value * shift).toFixed(0), 'mmHg', 'mm[Hg]')}}`;
      return `"component":[${component(SYSTOLIC, values.systolic)},${component(DIASTOLIC, values.diastolic)}]`;
    }
    case 'quantity':
      return quantityValue(definition, (values[definition.measure] * shift).toFixed(definition.digits), profile.female);
  }
}

function quantityValue(definition: QuantityDefinition, value: string, female: boolean): string {
  const { range, unit, ucum, digits } = definition;
  const member = `"valueQuantity":${quantity(value, unit, ucum)}`;
  if (!range) return member;
  const [low, high]: Range = 'female' in range ? range[female ? 'female' : 'male'] : range;
  // Judged by the value as it is written, so that the two agree at the edge.
  const code = low !== null && Number(value) < low ? 'L' : high !== null && Number(value) > high ? 'H' : 'N';
  const bounds = [
    ...(low === null ? [] : [`"low":${quantity(low.toFixed(digits), unit, ucum)}`]),
    ...(high === null ? [] : [`"high":${quantity(high.toFixed(digits), unit, ucum)}`]),
  ];
  const interpretation = `{"coding":[{"system":"${INTERPRETATION}","code":"${code}","display":"${INTERPRETATIONS[code]}"}]}`;
  return `${member},"interpretation":[${interpretation}],"referenceRange":[{${bounds.join(',')}}]`;
}

function quantity(value: string, unit: string, ucum: string): string {
  return `{"value":${value},"unit":"${unit}","system":"${UCUM}","code":"${ucum}"}`;
}

const staticTokens = new Map<ObservationDefinition, readonly Token[]>();

/** The tokens that all observations of a definition share. */
function tokensOf(definition: ObservationDefinition): readonly Token[] {
  let tokens = staticTokens.get(definition);
  if (tokens === undefined) {
    const components = definition.kind === 'blood-pressure' ? [SYSTOLIC.code, DIASTOLIC.code] : [];
    tokens = [
      ['category', OBSERVATION_CATEGORY, definition.category],
      ['code', LOINC, definition.code],
      ...[definition.code, ...components].map((code): Token => ['combo-code', LOINC, code]),
      ...components.map((code): Token => ['component-code', LOINC, code]),
    ];
    staticTokens.set(definition, tokens);
  }
  return tokens;
}

function valueTokens(definition: ObservationDefinition, { profile }: ObservationContext): Token[] {
  if (definition.kind !== 'smoking-status') return [];
  const { code } = SMOKING[profile.smoking];
  return [
    ['value-concept', SNOMED, code],
    ['combo-value-concept', SNOMED, code],
  ];
}
