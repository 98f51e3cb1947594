import { CITIES, FAMILY_NAMES, FEMALE_NAMES, HOSPITALS, MALE_NAMES, STREETS } from './content/names.ts';
import { concept, NPI, ORGANIZATION_TYPE } from './content/terminology.ts';
import { STREAM } from './patient-profile.ts';
import { createRandom } from './random.ts';
import type { DemoResource, Target } from './resource.ts';

const PROVIDER = { code: 'prov', display: 'Healthcare Provider' };
const PRACTITIONERS_PER_ORGANIZATION = 3;
const PATIENTS_PER_ORGANIZATION = 8;

/** Who cares for the patients. Everything is computed from an index, so nothing has to be kept. */
export interface Staff {
  readonly organizations: number;
  readonly practitioners: number;
  organization(index: number): Target;
  practitioner(index: number): Target;
  /** All of them, organizations first. */
  resources(): Generator<DemoResource>;
}

/** @param firstKey `res_id` of the first; they take as many as there are, without a gap. */
export function createStaff(patients: number, firstKey: number): Staff {
  const organizations = Math.max(2, Math.ceil(patients / PATIENTS_PER_ORGANIZATION));
  const practitioners = organizations * PRACTITIONERS_PER_ORGANIZATION;
  const staff: Staff = {
    organizations,
    practitioners,
    organization: (index) => ({
      type: 'Organization',
      key: firstKey + index,
      id: createRandom(STREAM.organization, index).uuid(),
    }),
    practitioner: (index) => ({
      type: 'Practitioner',
      key: firstKey + organizations + index,
      id: createRandom(STREAM.practitioner, index).uuid(),
    }),
    *resources() {
      for (let index = 0; index < organizations; index++) yield organizationResource(staff.organization(index), index);
      for (let index = 0; index < practitioners; index++) yield practitionerResource(staff.practitioner(index), index);
    },
  };
  return staff;
}

function organizationResource(target: Target, index: number): DemoResource {
  const random = createRandom(STREAM.organization, index);
  random.uuid();
  const { city, postalCode } = random.pick(CITIES);
  const round = Math.floor(index / HOSPITALS.length);
  const name = `${HOSPITALS[index % HOSPITALS.length]} ${round === 0 ? 'Medical Center' : `Clinic ${round}`}`;
  const line = `${random.integer(1, 900)} ${random.pick(STREETS)}`;
  const identifier = { system: NPI, value: `1${String(100_000_000 + index)}` };
  const text = JSON.stringify({
    resourceType: 'Organization',
    identifier: [identifier],
    active: true,
    type: [concept(ORGANIZATION_TYPE, PROVIDER)],
    name,
    telecom: [{ system: 'phone', value: `555-${random.integer(200, 999)}-${random.integer(1000, 9999)}` }],
    address: [{ line: [line], city, state: 'MA', postalCode, country: 'US' }],
  });
  return {
    ...target,
    texts: [text],
    tags: [],
    tokens: [
      ['active', null, 'true'],
      ['identifier', NPI, identifier.value],
      ['type', ORGANIZATION_TYPE, PROVIDER.code],
    ],
    dates: [],
    strings: [['name', name], ...addressStrings(line, city, 'MA', postalCode)],
    links: [],
  };
}

function practitionerResource(target: Target, index: number): DemoResource {
  const random = createRandom(STREAM.practitioner, index);
  random.uuid();
  const female = random.chance(0.5);
  const given = random.pick(female ? FEMALE_NAMES : MALE_NAMES);
  const family = random.pick(FAMILY_NAMES);
  const gender = female ? 'female' : 'male';
  const identifier = { system: NPI, value: `2${String(100_000_000 + index)}` };
  const text = JSON.stringify({
    resourceType: 'Practitioner',
    identifier: [identifier],
    active: true,
    name: [{ family, given: [given], prefix: ['Dr.'] }],
    gender,
  });
  return {
    ...target,
    texts: [text],
    tags: [],
    tokens: [
      ['active', null, 'true'],
      ['gender', 'http://hl7.org/fhir/administrative-gender', gender],
      ['identifier', NPI, identifier.value],
    ],
    dates: [],
    strings: [
      ['family', family],
      ['given', given],
      ['name', family],
      ['name', given],
      ['name', 'Dr.'],
    ],
    links: [],
  };
}

/** The rows of an address: HAPI repeats each part under `address` and under the parameter of its own. */
export function addressStrings(line: string, city: string, state: string, postalCode: string): [string, string][] {
  return [
    ...[line, city, state, postalCode, 'US'].map((part): [string, string] => ['address', part]),
    ['address-city', city],
    ['address-state', state],
    ['address-postalcode', postalCode],
    ['address-country', 'US'],
  ];
}
