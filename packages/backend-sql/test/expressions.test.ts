import { useDatabase } from '@viewmill/testkit';
import { compileView } from '@viewmill/views';
import { describe, expect, it } from 'vitest';
import { rowsOf, rowTexts } from './run-view.ts';

/** One column `v` over one resource. The resource is a text, so that numbers keep their digits. */
type Case = readonly [path: string, resource: string, expected: unknown];

const patient = (rest: string): string => `{"resourceType":"Patient","id":"p1"${rest === '' ? '' : `,${rest}`}}`;
const observation = (rest: string): string => `{"resourceType":"Observation","id":"o1",${rest}}`;
const quantity = (value: string): string => observation(`"valueQuantity":{"value":${value}}`);
const VALUE = 'value.ofType(Quantity).value';

const names = patient(
  '"name":[{"use":"official","family":"F","given":["a",null,"b"]},{"use":"usual","given":["c"]},{"given":null}],"active":true,"birthDate":"1970-06-05"',
);

const navigation: readonly Case[] = [
  ['id', patient(''), 'p1'],
  ['getResourceKey()', patient(''), 'p1'],
  ['active', names, true],
  ['active', patient('"active":false'), false],
  ['active', patient('"active":null'), null],
  ['meta.versionId', patient('"meta":{"versionId":"3"}'), '3'],
  ['meta.profile.first()', patient('"meta":{"profile":["http://a","http://b"]}'), 'http://a'],
  ['where(active).meta.versionId', patient('"active":true,"meta":{"versionId":"3"}'), '3'],
  ['where(active = false).id', names, null],
  ['name[0].family', names, 'F'],
  ['name[1].family', names, null],
  ['name[7].family', names, null],
  ['name.given[1]', names, 'b'],
  ['name.given[2]', names, 'c'],
  ['name[1 - 1].family', names, 'F'],
  ['name[0 - 1].family', names, null],
  ["name.given.where($this = 'b').first()", names, 'b'],
  ["name.where(use = 'usual').given.first()", names, 'c'],
  ["name.where(use = 'it\\'s').given.first()", names, null],
  ["name.where((use = 'usual').not()).given.first()", names, 'a'],
  ['name.where(family.empty()).given.first()', names, 'c'],
  ["name.where(given.where($this = 'c').exists()).use.first()", names, 'usual'],
  ['name.where(use = %resource.name[1].use).given.first()', names, 'c'],
  ["name.where(use = 'official' or use = 'usual').count()", names, 2],
  ['name.count()', names, 3],
  ['name.given.count()', names, 3],
  ['contact.count()', names, 0],
  ['name.exists()', names, true],
  ['name.empty()', names, false],
  ['contact.empty()', names, true],
  ['birthDate.exists()', names, true],
  ["name.exists(use = 'usual')", names, true],
  ["name.exists(use = 'old')", names, false],
  ["name.where(use = 'old').empty()", names, true],
  ['deceased.exists()', patient('"deceasedBoolean":false'), true],
  ['deceased.exists()', names, false],
  ["extension('http://x').value.ofType(string)", patient('"extension":[{"url":"http://x","valueString":"y"}]'), 'y'],
  [
    'contained.ofType(Organization).name',
    patient('"contained":[{"resourceType":"Organization","name":"n"},{"resourceType":"Group"}]'),
    'n',
  ],
  ["name.given.join('-')", names, 'a-b-c'],
  ["contact.name.given.join('-')", names, ''],
];

const logic: readonly Case[] = [
  ['true and {}', patient(''), null],
  ['false and {}', patient(''), false],
  ['true or {}', patient(''), true],
  ['false or {}', patient(''), null],
  ['true xor {}', patient(''), null],
  ['true xor false', patient(''), true],
  ['{} implies true', patient(''), true],
  ['{} implies false', patient(''), null],
  ['false implies {}', patient(''), true],
  ['active.not()', patient(''), null],
  ['active.not()', names, false],
];

const comparison: readonly Case[] = [
  ["gender = 'male'", patient('"gender":"male"'), true],
  ["gender != 'male'", patient('"gender":"male"'), false],
  ["gender = 'male'", patient(''), null],
  ['name.given = contact.name.given', patient('"name":[{"given":["a","b"]}],"contact":[{"name":{"given":["a","b"]}}]'), true],
  ['name.given = contact.name.given', patient('"name":[{"given":["a","b"]}],"contact":[{"name":{"given":["b","a"]}}]'), false],
  ['name.given = contact.name.given', names, null],
  ['name[0] = name[1]', patient('"name":[{"family":"a","use":"usual"},{"use":"usual","family":"a"}]'), true],
  ["'a' < 'B'", patient(''), false],
  ["'é' > 'z'", patient(''), true],
  [`${VALUE} = 1`, quantity('1.0'), true],
  [`${VALUE} >= 1.5`, quantity('1.49'), false],
  [`${VALUE} > 1`, quantity('"x"'), null],
  ['birthDate = @1970-06-05', names, true],
  ['birthDate = @1970-06', names, null],
  ['birthDate != @1970-06', names, null],
  ['birthDate = @1971', names, false],
  ['birthDate < @1970-07', names, true],
  ['birthDate < @1970-06', names, null],
  ['birthDate >= @1970-06-05', names, true],
  ['birthDate < @2000', patient('"birthDate":"yesterday"'), null],
  ['birthDate < @2000', patient('"birthDate":"0000-01-01"'), null],
  ['birthDate = @2012-03-02', patient('"birthDate":"2012-02-31"'), true],
  [
    'effective.ofType(dateTime) = @2015-02-07T11:28:17Z',
    observation('"effectiveDateTime":"2015-02-07T13:28:17.000+02:00"'),
    true,
  ],
  ['effective.ofType(dateTime) = @2015-02-08', observation('"effectiveDateTime":"2015-02-07T23:28:17-02:00"'), null],
  ['effective.ofType(dateTime) > @2015-02-07', observation('"effectiveDateTime":"2015-02-07T23:28:17-02:00"'), true],
  ['effective.ofType(dateTime) < @2015-02-07T11:28:17.5Z', observation('"effectiveDateTime":"2015-02-07T11:28:17"'), true],
  ['effective.ofType(dateTime) = @2017-01-01T00:00:00Z', observation('"effectiveDateTime":"2016-12-31T23:59:60Z"'), true],
  ['value.ofType(time) = @T10:00:00', observation('"valueTime":"10:00:00.000"'), true],
  ['value.ofType(time) > @T10:00', observation('"valueTime":"10:00:30"'), null],
  ['value.ofType(time) > @T10:00', observation('"valueTime":"10:01:30"'), true],
  ['value.ofType(time) > @T10:00', observation('"valueTime":"25:01:30"'), null],
];

const values: readonly Case[] = [
  [`${VALUE} + 1`, quantity('0.10'), 1.1],
  [`${VALUE} - 1`, quantity('0.1'), -0.9],
  [`${VALUE} * 3`, quantity('0.1'), 0.3],
  [`${VALUE} / 3`, quantity('2'), 0.66666667],
  [`${VALUE} / 0`, quantity('2'), null],
  ['(0 - 7) div 2', patient(''), -3],
  ['(0 - 7) mod 2', patient(''), -1],
  ['7 div 0', patient(''), null],
  ['7 mod 0', patient(''), null],
  [`-${VALUE}`, quantity('2.5'), -2.5],
  ["gender + 'x'", patient('"gender":"male"'), 'malex'],
  ["gender + 'x'", patient(''), null],
  ["gender & 'x'", patient(''), 'x'],
  ["'\\\\ it\\'s'", patient(''), "\\ it's"],
  ['managingOrganization.getReferenceKey()', patient('"managingOrganization":{"reference":"Organization/a.1-B"}'), 'a.1-B'],
  ['managingOrganization.getReferenceKey(Organization)', patient('"managingOrganization":{"reference":"Organization/a"}'), 'a'],
  [
    'managingOrganization.getReferenceKey(Organization)',
    patient('"managingOrganization":{"reference":"Organization/a/_history/2"}'),
    'a',
  ],
  ['managingOrganization.getReferenceKey()', patient('"managingOrganization":{"reference":"Organization/a/_history/2"}'), 'a'],
  ['managingOrganization.getReferenceKey(Patient)', patient('"managingOrganization":{"reference":"Organization/a"}'), null],
  ['managingOrganization.getReferenceKey(Organization)', patient('"managingOrganization":{"reference":"Organization/"}'), null],
  ['managingOrganization.getReferenceKey()', patient('"managingOrganization":{"reference":"http://x.y/Organization/a"}'), null],
  ['managingOrganization.getReferenceKey()', patient('"managingOrganization":{"reference":"#a"}'), null],
  ['managingOrganization.getReferenceKey()', patient('"managingOrganization":{"reference":"urn:uuid:1"}'), null],
  [
    'managingOrganization.getReferenceKey(Organization)',
    patient(`"managingOrganization":{"reference":"Organization/${'a'.repeat(65)}"}`),
    null,
  ],
  [
    'generalPractitioner.getReferenceKey(Practitioner).first()',
    patient('"generalPractitioner":[{"display":"x"},{"reference":"Practitioner/b"}]'),
    'b',
  ],
];

const boundaries: readonly Case[] = [
  [`${VALUE}.lowBoundary()`, quantity('1.0'), 0.95],
  [`${VALUE}.highBoundary()`, quantity('1'), 1.5],
  [`${VALUE}.highBoundary()`, quantity('-0.125'), -0.1245],
  ['birthDate.lowBoundary()', patient('"birthDate":"1970"'), '1970-01-01'],
  ['birthDate.highBoundary()', patient('"birthDate":"1970"'), '1970-12-31'],
  ['birthDate.highBoundary()', patient('"birthDate":"2024-02"'), '2024-02-29'],
  ['birthDate.highBoundary()', patient('"birthDate":"1900-02"'), '1900-02-28'],
  ['birthDate.highBoundary()', patient('"birthDate":"x"'), null],
  ['effective.ofType(dateTime).lowBoundary()', observation('"effectiveDateTime":"2010-10-10"'), '2010-10-10T00:00:00.000+14:00'],
  ['effective.ofType(dateTime).highBoundary()', observation('"effectiveDateTime":"2010"'), '2010-12-31T23:59:59.999-12:00'],
  [
    'effective.ofType(dateTime).highBoundary()',
    observation('"effectiveDateTime":"2010-10-10T10:11:12.5+02:00"'),
    '2010-10-10T10:11:12.599+02:00',
  ],
  [
    'effective.ofType(dateTime).lowBoundary()',
    observation('"effectiveDateTime":"2010-10-10T10:11:12Z"'),
    '2010-10-10T10:11:12.000Z',
  ],
  ['value.ofType(time).lowBoundary()', observation('"valueTime":"12:34:00"'), '12:34:00.000'],
  ['value.ofType(time).highBoundary()', observation('"valueTime":"12:34:00"'), '12:34:00.999'],
];

const casts: readonly (readonly [path: string, type: string, resource: string, expected: string])[] = [
  [VALUE, 'NUMERIC', quantity('4.10'), '4.10'],
  [VALUE, 'NUMERIC(10,1)', quantity('4.15'), '4.2'],
  [VALUE, 'CHARACTER VARYING', quantity('4.10'), '"4.10"'],
  [VALUE, 'DOUBLE PRECISION', quantity('4.10'), '4.1'],
  ['active', 'CHARACTER VARYING', names, '"true"'],
  ['birthDate', 'DATE', names, '"1970-06-05"'],
  ['birthDate', 'DATE', patient('"birthDate":"1970-06"'), '"1970-06-01"'],
  ['birthDate', 'DATE', patient('"birthDate":"2012-02-31"'), '"2012-03-02"'],
  ['birthDate', 'DATE', patient('"birthDate":"1900-02-29"'), '"1900-03-01"'],
  ['birthDate', 'DATE', patient('"birthDate":"1970-13"'), 'null'],
  ['birthDate', 'TIMESTAMP', names, '"1970-06-05T00:00:00"'],
  [
    'effective.ofType(dateTime)',
    'TIMESTAMP',
    observation('"effectiveDateTime":"2015-02-07T13:28:17.239+02:00"'),
    '"2015-02-07T11:28:17.239"',
  ],
  ['effective.ofType(dateTime)', 'TIMESTAMP', observation('"effectiveDateTime":"2015-02-07T13:28:17"'), '"2015-02-07T13:28:17"'],
  [
    'effective.ofType(dateTime)',
    'TIMESTAMP',
    observation('"effectiveDateTime":"2016-12-31T23:59:60.5Z"'),
    '"2017-01-01T00:00:00.5"',
  ],
  [
    'effective.ofType(dateTime)',
    'TIMESTAMP',
    observation('"effectiveDateTime":"2015-02-30T10:00:00-01:00"'),
    '"2015-03-02T11:00:00"',
  ],
  ['effective.ofType(dateTime)', 'TIMESTAMP', observation('"effectiveDateTime":"2015-02-07T13:28"'), 'null'],
  ['effective.ofType(dateTime)', 'DATE', observation('"effectiveDateTime":"2015-02-07T23:28:17-05:00"'), '"2015-02-07"'],
  ['value.ofType(time)', 'TIME', observation('"valueTime":"23:59:60"'), '"24:00:00"'],
  ['value.ofType(time)', 'TIME', observation('"valueTime":"23:59:60.5"'), 'null'],
];

const collections: readonly (readonly [...Case, type: string | null])[] = [
  ['name.given', names, ['a', 'b', 'c'], null],
  ['contact.name.given', names, [], null],
  ['birthDate', names, ['1970-06-05'], null],
  ['birthDate', patient(''), [], null],
  ['name.period', patient('"name":[{"period":{"start":"2000"}},{}]'), [{ start: '2000' }], 'Period'],
  ['maritalStatus', patient(''), [], 'CodeableConcept'],
  ['maritalStatus', patient('"maritalStatus":{"text":"x"}'), [{ text: 'x' }], 'CodeableConcept'],
  ['multipleBirth.ofType(integer)', patient('"multipleBirthInteger":2'), [2], null],
];

describe('expressions', () => {
  const database = useDatabase();
  const view = (resource: string, column: Record<string, unknown>): unknown => ({
    resourceType: 'ViewDefinition',
    name: 'one',
    status: 'active',
    resource: (JSON.parse(resource) as { resourceType: string }).resourceType,
    select: [{ column: [{ name: 'v', ...column }] }],
  });

  const groups = { navigation, logic, comparison, values, boundaries };
  for (const [group, cases] of Object.entries(groups)) {
    it.each(cases)(`${group}: %s of %s is %j`, async (path, resource, expected) => {
      expect(await rowsOf(database, compileView(view(resource, { path })), [resource])).toEqual([{ v: expected }]);
    });
  }

  it.each(casts)('cast of %s to %s of %s is %s', async (path, type, resource, expected) => {
    const plan = compileView(view(resource, { path, tag: [{ name: 'ansi/type', value: type }] }));
    expect(await rowTexts(database, plan, [resource])).toEqual([`{"res_id":1,"v":${expected}}`]);
  });

  it.each(collections)('collection: %s of %s is %j', async (path, resource, expected, type) => {
    const column = { path, collection: true, ...(type === null ? {} : { type }) };
    expect(await rowsOf(database, compileView(view(resource, column)), [resource])).toEqual([{ v: expected }]);
  });

  it('gives an instant as timestamp with time zone', async () => {
    const resource = observation('"issued":"2015-02-07T13:28:17.239+02:00"');
    const { rows } = await database.pool.query<{ same: boolean }>(
      "select '2015-02-07T13:28:17.239+02:00'::timestamptz = ($1::jsonb ->> 'v')::timestamptz as same",
      [JSON.stringify((await rowsOf(database, compileView(view(resource, { path: 'issued' })), [resource]))[0])],
    );
    expect(rows).toEqual([{ same: true }]);
  });
});
