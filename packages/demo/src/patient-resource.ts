import { CITIES, FAMILY_NAMES, FEMALE_NAMES, LANGUAGES, MALE_NAMES, MARITAL_STATUSES, RACES, STREETS } from './content/names.ts';
import { IDENTIFIER_TYPE, RECORD_NUMBER, SSN } from './content/terminology.ts';
import { addressStrings } from './organizations.ts';
import { type PatientProfile, STREAM } from './patient-profile.ts';
import { createRandom, pickByShare } from './random.ts';
import { type DemoResource, reference, type TagName, type Target } from './resource.ts';
import { REFERENCE_TIME, toDate, toDateTime, YEAR } from './time.ts';

const OMB = 'urn:oid:2.16.840.1.113883.6.238';
const US_CORE = 'http://hl7.org/fhir/us/core/StructureDefinition/';

/** The Patient of a profile. One in five has moved, and one in twenty has changed the name too: two and three versions. */
export function patientResource(
  profile: PatientProfile,
  target: Target,
  clinic: Target,
  extra?: { deleted: true },
): DemoResource {
  const random = createRandom(STREAM.demographics, profile.index);
  const given = random.pick(profile.female ? FEMALE_NAMES : MALE_NAMES);
  const middle = random.chance(0.3) ? random.pick(profile.female ? FEMALE_NAMES : MALE_NAMES) : undefined;
  const family = random.pick(FAMILY_NAMES);
  const formerFamily = random.pick(FAMILY_NAMES);
  const race = pickByShare(RACES, random);
  const hispanic = random.chance(0.17);
  const language = pickByShare(LANGUAGES, random);
  const age = (REFERENCE_TIME - profile.birth) / YEAR;
  const gender = profile.female ? 'female' : 'male';
  const birthDate = toDate(profile.birth);
  const recordNumber = `MR${String(1_000_000 + profile.index)}`;
  const ssn = `999-${random.integer(10, 99)}-${random.integer(1000, 9999)}`;
  const phone = `555-${random.integer(200, 999)}-${random.integer(1000, 9999)}`;
  const email = random.chance(0.4) ? `${recordNumber.toLowerCase()}@example.org` : undefined;
  const marital = age < 20 ? MARITAL_STATUSES[1] : random.pick(MARITAL_STATUSES);
  const addresses = Array.from({ length: 2 }, () => {
    const { city, postalCode } = random.pick(CITIES);
    return {
      use: 'home',
      line: [`${random.integer(1, 999)} ${random.pick(STREETS)}`],
      city,
      state: 'MA',
      postalCode,
      country: 'US',
    };
  });
  // By turns rather than by chance, so that a demo of five patients has both.
  const moved = profile.index % 5 === 1;
  const renamed = profile.index % 20 === 1;
  const deceased = profile.death === undefined ? undefined : toDateTime(profile.death);

  const render = (address: object, familyName: string): string =>
    JSON.stringify({
      resourceType: 'Patient',
      extension: [
        codedExtension('us-core-race', race),
        codedExtension(
          'us-core-ethnicity',
          hispanic ? { code: '2135-2', display: 'Hispanic or Latino' } : { code: '2186-5', display: 'Not Hispanic or Latino' },
        ),
        { url: `${US_CORE}us-core-birthsex`, valueCode: profile.female ? 'F' : 'M' },
      ],
      identifier: [
        {
          use: 'usual',
          type: {
            coding: [{ system: IDENTIFIER_TYPE, code: 'MR', display: 'Medical Record Number' }],
            text: 'Medical Record Number',
          },
          system: RECORD_NUMBER,
          value: recordNumber,
        },
        {
          type: { coding: [{ system: IDENTIFIER_TYPE, code: 'SS', display: 'Social Security Number' }] },
          system: SSN,
          value: ssn,
        },
      ],
      active: true,
      name: [
        {
          use: 'official',
          family: familyName,
          given: middle ? [given, middle] : [given],
          ...(age > 18 && { prefix: [profile.female ? 'Ms.' : 'Mr.'] }),
        },
        ...(renamed && familyName === family ? [{ use: 'old', family: formerFamily }] : []),
      ],
      telecom: [
        { system: 'phone', value: phone, use: 'home' },
        ...(email ? [{ system: 'email', value: email, use: 'home' }] : []),
      ],
      gender,
      birthDate,
      ...(deceased && { deceasedDateTime: deceased }),
      address: [address],
      maritalStatus: {
        coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-MaritalStatus', ...marital }],
        text: marital.display,
      },
      multipleBirthBoolean: false,
      communication: [
        {
          language: { coding: [{ system: 'urn:ietf:bcp:47', code: language.code, display: language.display }] },
          preferred: true,
        },
      ],
      managingOrganization: reference(clinic),
    });

  const [former, address] = addresses as [(typeof addresses)[number], (typeof addresses)[number]];
  const texts = [render(address, family)];
  if (moved) texts.unshift(render(former, family));
  if (renamed) texts.unshift(render(former, formerFamily));
  const tags: TagName[] = ['patient'];
  if (profile.onsets.diabetes !== undefined) tags.push('diabetes');
  if (profile.index % 16 === 3) tags.push('restricted');
  return {
    ...target,
    texts,
    ...(extra && { fate: 'deleted' as const }),
    tags,
    tokens: [
      ['active', null, 'true'],
      ['deceased', null, deceased ? 'true' : 'false'],
      ['gender', 'http://hl7.org/fhir/administrative-gender', gender],
      ['identifier', RECORD_NUMBER, recordNumber],
      ['identifier', SSN, ssn],
      ['language', 'urn:ietf:bcp:47', language.code],
      ['phone', 'phone', phone],
      ['telecom', 'phone', phone],
      ...(email
        ? ([
            ['email', 'email', email],
            ['telecom', 'email', email],
          ] as const)
        : []),
    ],
    dates: [['birthdate', birthDate, birthDate], ...(deceased ? ([['death-date', deceased, deceased]] as const) : [])],
    strings: [
      ['family', family],
      ['given', given],
      ['name', family],
      ['name', given],
      ...(middle
        ? ([
            ['given', middle],
            ['name', middle],
          ] as const)
        : []),
      ...addressStrings(address.line[0] as string, address.city, address.state, address.postalCode),
    ],
    links: [{ path: 'Patient.managingOrganization', type: 'Organization', key: clinic.key }],
  };
}

function codedExtension(name: string, { code, display }: { code: string; display: string }): object {
  return {
    url: `${US_CORE}${name}`,
    extension: [
      { url: 'ombCategory', valueCoding: { system: OMB, code, display } },
      { url: 'text', valueString: display },
    ],
  };
}
