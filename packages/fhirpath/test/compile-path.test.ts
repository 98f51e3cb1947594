import { type CompileOptions, compilePath, type Expression, valueType } from '@viewmill/fhirpath';
import { describe, expect, it } from 'vitest';
import { summary } from './summary.ts';

const constants = new Map<string, { fhirType: string; value: string | number | boolean }>([
  ['use', { fhirType: 'string', value: 'official' }],
  ['n', { fhirType: 'integer', value: 1 }],
  ['tiny', { fhirType: 'decimal', value: 1.5e-9 }],
  ['yes', { fhirType: 'boolean', value: true }],
  ['dob', { fhirType: 'date', value: '2020-01-01' }],
]);

function options(context: string, more: Partial<CompileOptions> = {}): CompileOptions {
  return { context: valueType(context), resource: valueType('Patient'), constants, at: 'select[0].column[0].path', ...more };
}

/** [context, path, summary, FHIR type of the result] */
const MEANINGS: readonly (readonly [string, string, string, string])[] = [
  // literals
  ['Patient', "'it\\'s\\u0041\\n\\\\'", "string:it'sA\n\\", 'string'],
  ['Patient', "'a // b /* c */'", 'string:a // b /* c */', 'string'],
  ['Patient', '007', 'integer:7', 'integer'],
  ['Patient', '4.10', 'decimal:4.10', 'decimal'],
  ['Patient', 'true', 'boolean:true', 'boolean'],
  ['Patient', '@2020-02', 'date:2020-02', 'date'],
  ['Patient', '@2020-02T', 'dateTime:2020-02', 'dateTime'],
  ['Patient', '@2020-02-29T10:20:30.5+14:00', 'dateTime:2020-02-29T10:20:30.5+14:00', 'dateTime'],
  ['Patient', '@T23:59', 'time:23:59', 'time'],
  ['Patient', '{}', '{}', 'unknown'],
  // paths
  ['Patient', 'id', '$.id', 'id'],
  ['Patient', 'Patient.id', '$.id', 'id'],
  ['Patient', 'Resource.id', '$.id', 'id'],
  ['Patient', '$this', '$', 'Patient'],
  ['Patient', 'name.family', '$.name*.family*', 'string'],
  ['Patient', '(name).`family`', '$.name*.family*', 'string'],
  ['Patient', 'contact', '$.contact*', 'Patient.contact'],
  ['Patient', 'contact.name.id', '$.contact*.name*.id*', 'string'],
  ['Patient', 'meta.profile', '$.meta.profile*', 'canonical'],
  ['Patient', 'text.`div`', '$.text.div', 'xhtml'],
  ['MedicationRequest', 'dosageInstruction.timing.repeat', '$.dosageInstruction*.timing*.repeat*', 'Timing.repeat'],
  ['Observation', 'component.referenceRange.low', '$.component*.referenceRange*.low*', 'Quantity'],
  ['Questionnaire.item', 'item.linkId', '$.item*.linkId*', 'string'],
  ['Consent', 'provision.provision', '$.provision.provision*', 'Consent.provision'],
  ['Extension', 'url', '$.url', 'uri'],
  ['string', '$this', '$', 'string'],
  // variables and constants
  ['HumanName', '%resource.id', '%resource.id', 'id'],
  ['HumanName', '%rootResource.active', '%resource.active', 'boolean'],
  ['HumanName', '%context.family', '%context.family', 'string'],
  ['HumanName', '%rowIndex + 1', '(%rowIndex + integer:1)', 'integer'],
  ['Patient', '%use', 'string:official', 'string'],
  ['Patient', "%'use'", 'string:official', 'string'],
  ['Patient', '%`use`', 'string:official', 'string'],
  ['Patient', '%tiny', 'decimal:0.0000000015', 'decimal'],
  ['Patient', '%loinc', 'string:http://loinc.org', 'string'],
  // choice and types
  [
    'Observation',
    'value.exists()',
    'exists($.(valueQuantity|valueCodeableConcept|valueString|valueBoolean|valueInteger|valueRange|valueRatio|valueSampledData|valueTime|valueDateTime|valuePeriod))',
    'boolean',
  ],
  ['Patient', 'deceased', '$.(deceasedBoolean|deceasedDateTime)', 'unknown'],
  ['Observation', 'value.ofType(Quantity).value', '$.valueQuantity.value', 'decimal'],
  ['Observation', 'value.ofType(FHIR.string)', '$.valueString', 'string'],
  ['Observation', 'value.ofType(Coding)', '{}', 'Coding'],
  ['Observation', 'value.ofType(Coding).code', '{}', 'code'],
  ['Extension', 'value.ofType(code)', '$.valueCode', 'code'],
  ['Extension', 'value.ofType(uri)', '$.(valueCanonical|valueOid|valueUri|valueUrl|valueUuid)', 'uri'],
  ['Extension', "value.ofType(string) = 'x'", '($.(valueCode|valueId|valueMarkdown|valueString) =string string:x)', 'boolean'],
  ['Patient', 'active.ofType(boolean)', '$.active', 'boolean'],
  ['Patient', 'gender.ofType(string)', '$.gender', 'code'],
  ['Patient', 'active.ofType(string)', '{}', 'string'],
  ['Patient', 'ofType(Patient).id', '$.id', 'id'],
  ['Patient', 'ofType(Observation).id', '{}', 'id'],
  ['Bundle', 'entry.resource.ofType(Patient).name', '$.entry*.resource*.resource(Patient).name*', 'HumanName'],
  ['Bundle', 'entry.resource.id', '$.entry*.resource*.id*', 'id'],
  // filters
  ['Patient', 'name[0].family', '$.name*[integer:0].family', 'string'],
  ['Patient', 'name[%n]', '$.name*[integer:1]', 'HumanName'],
  ['Patient', 'name[%rowIndex]', '$.name*[%rowIndex]', 'HumanName'],
  ['Patient', 'name.first().given.first()', '$.name*[integer:0].given*[integer:0]', 'string'],
  ['Patient', 'maritalStatus.first()[0].text', '$.maritalStatus.text', 'string'],
  ['Patient', 'maritalStatus[1]', '$.maritalStatus[integer:1]', 'CodeableConcept'],
  ['Patient', 'name.where(use = %use).family', '$.name*.where(($.use =string string:official)).family*', 'string'],
  ['Patient', 'where(active).id', '$.where($.active).id', 'id'],
  ['Patient', 'name.given.where($this != %resource.id)', '$.name*.given*.where(($ !=string %resource.id))', 'string'],
  ['Patient', 'telecom.where(false)', '$.telecom*.where(boolean:false)', 'ContactPoint'],
  ['Patient', 'telecom.where({})', '$.telecom*.where({})', 'ContactPoint'],
  ['Patient', "extension('u')", '$.extension*.where(($.url =string string:u))', 'Extension'],
  [
    'Patient',
    'birthDate.extension(%use).value.ofType(dateTime)',
    '$._birthDate.extension*.where(($.url =string string:official)).valueDateTime*',
    'dateTime',
  ],
  ['Patient', "name.given.extension('u')", '$.name*._given*.extension*.where(($.url =string string:u))', 'Extension'],
  [
    'Patient',
    "deceased.ofType(boolean).extension('u')",
    '$._deceasedBoolean.extension*.where(($.url =string string:u))',
    'Extension',
  ],
  ['Patient', 'birthDate.id', '$._birthDate.id', 'string'],
  // existence
  ['Patient', 'exists()', 'exists($)', 'boolean'],
  ['Patient', 'name.exists()', 'exists($.name*)', 'boolean'],
  ['Patient', "name.exists(use = 'usual')", 'exists($.name*.where(($.use =string string:usual)))', 'boolean'],
  ['Patient', 'name.empty()', 'empty($.name*)', 'boolean'],
  ['Patient', 'name.given.count()', 'count($.name*.given*)', 'integer'],
  ['Patient', 'active.not()', 'not($.active)', 'boolean'],
  ['Patient', '{}.exists()', 'exists({})', 'boolean'],
  ['Patient', '{}.not()', '{}', 'boolean'],
  // strings and keys
  ['Patient', "name.given.join(', ')", 'join($.name*.given*, string:, )', 'string'],
  ['Patient', 'name.given.join()', 'join($.name*.given*, string:)', 'string'],
  ['Patient', "{}.join(',')", 'string:', 'string'],
  ['Patient', 'getResourceKey()', '$.id', 'id'],
  ['HumanName', '%resource.getResourceKey()', '%resource.id', 'id'],
  ['Observation', 'subject.getReferenceKey()', 'key($.subject)', 'id'],
  ['Patient', 'link.other.getReferenceKey(Patient)', 'key($.link*.other*, Patient)', 'id'],
  // equality and order
  ['Patient', "gender = 'male'", '($.gender =string string:male)', 'boolean'],
  ['Patient', "name.family = 'x'", '($.name*.family* =string string:x)', 'boolean'],
  ['Patient', 'birthDate = %dob', '($.birthDate =temporal date:2020-01-01)', 'boolean'],
  ['Patient', "birthDate = '2020-01-01'", '($.birthDate =never string:2020-01-01)', 'boolean'],
  ['Patient', 'name = name', '($.name* =deep $.name*)', 'boolean'],
  ['Patient', 'name = address', '($.name* =never $.address*)', 'boolean'],
  ['Patient', 'name = 1', '($.name* =never integer:1)', 'boolean'],
  ['Patient', '1 = 1.0', '(integer:1 =number decimal:1.0)', 'boolean'],
  ['Patient', 'active != {}', '{}', 'boolean'],
  ['Observation', 'value.ofType(time) = @T10:00', '($.valueTime =time time:10:00)', 'boolean'],
  ['Observation', 'value.ofType(integer) > 11', '($.valueInteger >number integer:11)', 'boolean'],
  ['Observation', 'issued >= @2020', '($.issued >=temporal date:2020)', 'boolean'],
  ['Patient', "name.family < 'x'", '(one($.name*.family*) <string string:x)', 'boolean'],
  ['Patient', '1 < {}', '{}', 'boolean'],
  // logic, weakest last
  [
    'Patient',
    'active and %yes or active xor {} implies false',
    '(((($.active and boolean:true) or $.active) xor {}) implies boolean:false)',
    'boolean',
  ],
  ['Patient', '(active or active) and active', '(($.active or $.active) and $.active)', 'boolean'],
  ['Patient', 'communication.preferred and active', '(one($.communication*.preferred*) and $.active)', 'boolean'],
  // arithmetic
  ['Patient', '1 + 2 * 3', '(integer:1 + (integer:2 * integer:3))', 'integer'],
  ['Patient', '1 / 2', '(integer:1 / integer:2)', 'decimal'],
  ['Patient', '5.5 div 2', '(decimal:5.5 div integer:2)', 'integer'],
  ['Patient', '5.5 mod 2', '(decimal:5.5 mod integer:2)', 'decimal'],
  ['Patient', '1 + {}', '{}', 'integer'],
  ['Patient', '-multipleBirth.ofType(integer)', '-$.multipleBirthInteger', 'integer'],
  ['Patient', '+1', 'integer:1', 'integer'],
  ['Patient', "'a' + gender", '(string:a ++ $.gender)', 'string'],
  ['Patient', "'a' + {}", '{}', 'string'],
  ['Patient', "name.family & {} & 'b'", '((one($.name*.family*) & {}) & string:b)', 'string'],
  // boundaries
  ['Patient', 'birthDate.lowBoundary()', 'low.date($.birthDate)', 'date'],
  ['Observation', 'issued.highBoundary()', 'high.dateTime($.issued)', 'instant'],
  [
    'Observation',
    'component.value.ofType(Quantity).value.lowBoundary()',
    'low.decimal(one($.component*.valueQuantity*.value*))',
    'decimal',
  ],
  ['Observation', 'value.ofType(time).lowBoundary()', 'low.time($.valueTime)', 'time'],
  ['Observation', 'effective.ofType(Period).lowBoundary()', 'low.dateTime($.effectivePeriod.start)', 'dateTime'],
  ['Observation', 'effective.ofType(Period).highBoundary()', 'high.dateTime($.effectivePeriod.end)', 'dateTime'],
];

/** [context, path, code, column of the position, part of the message] */
const ERRORS: readonly (readonly [string, string, string, number, string])[] = [
  ['Patient', '', 'VM1001', 1, ''],
  ['Patient', '@@', 'VM1001', 1, 'token'],
  ['Patient', "'open", 'VM1001', 1, 'token'],
  ['Patient', 'a b', 'VM1001', 3, 'extraneous'],
  ['Patient', 'text.div', 'VM1001', 6, '`div` in back quotes'],
  ['Patient', 'name..given', 'VM1001', 6, ''],
  ['Patient', '@2021-02-29', 'VM1001', 1, 'no date'],
  ['Patient', '@2021T10:00', 'VM1001', 1, 'no dateTime'],
  ['Patient', '@2021-02-01T10:00+15:00', 'VM1001', 1, 'no dateTime'],
  ['Patient', '@T24:00', 'VM1001', 1, 'no time'],
  ['Patient', '@T10', 'VM1002', 1, 'minutes'],
  ['Patient', "active and 4 'mg' = 1", 'VM1002', 12, 'unit'],
  ['Patient', '3L', 'VM1002', 1, 'integer'],
  ['Patient', 'name.nope()', 'VM1002', 6, 'nope()'],
  ['Patient', 'name.exist()', 'VM1002', 6, 'did you mean "exists"'],
  ['Patient', 'name.last()', 'VM1002', 6, 'first()'],
  ['Patient', 'name.toString()', 'VM1002', 6, 'toString()'],
  ['Patient', 'name.constructor()', 'VM1002', 6, 'constructor()'],
  ['Patient', 'iif(active, 1, 2)', 'VM1002', 1, 'iif()'],
  ['Patient', 'name.select(family)', 'VM1002', 6, 'forEach'],
  ['Patient', 'active is boolean', 'VM1002', 8, 'ofType()'],
  ['Patient', 'active as boolean', 'VM1002', 8, 'ofType()'],
  ['Patient', 'name | name', 'VM1002', 6, '|'],
  ['Patient', 'active in active', 'VM1002', 8, 'in'],
  ['Patient', 'active contains active', 'VM1002', 8, 'contains'],
  ['Patient', 'active ~ active', 'VM1002', 8, '~'],
  ['Patient', 'name.where($index = 0)', 'VM1002', 12, '%rowIndex'],
  ['Patient', '$total', 'VM1002', 1, '$total'],
  ['Patient', 'active.ofType(System.Boolean)', 'VM1002', 15, 'write boolean'],
  ['Patient', "name.given.first().extension('u')", 'VM1002', 20, 'right behind'],
  ['Patient', 'extension(id)', 'VM1002', 11, 'literal'],
  ['Patient', 'birthDate.lowBoundary(4)', 'VM1002', 11, 'precision'],
  ['Bundle', 'entry.resource.ofType(DomainResource)', 'VM1002', 16, 'concrete'],
  ['Observation', 'value.ofType(Quantity) = referenceRange.low', 'VM1002', 24, 'value and code'],
  ['Patient', 'nam.family', 'VM1003', 1, 'did you mean "name"'],
  ['Patient', 'name.famliy', 'VM1003', 6, 'did you mean "family"'],
  ['Patient', '\n  name.x', 'VM1003', 8, 'HumanName'],
  ['Patient', 'constructor', 'VM1003', 1, ''],
  ['Patient', 'birthDate.decade', 'VM1003', 11, 'primitive'],
  ['Patient', 'Observation.value', 'VM1003', 1, 'never Observation'],
  ['Patient', 'contained.name', 'VM1003', 11, 'ofType()'],
  ['Observation', 'value.ofType(Quantiy)', 'VM1003', 14, 'did you mean "Quantity"'],
  ['Patient', 'active and gender', 'VM1004', 12, 'Boolean'],
  ['Patient', 'name.where(family)', 'VM1004', 12, 'Boolean'],
  ['Patient', 'name.not()', 'VM1004', 6, 'Boolean'],
  ['Patient', "name['x']", 'VM1004', 6, 'Integer'],
  ['Patient', 'name.first(1)', 'VM1004', 6, 'no argument'],
  ['Patient', 'name.where()', 'VM1004', 6, 'one argument'],
  ['Patient', 'name.join()', 'VM1004', 6, 'strings'],
  ['Patient', 'name.given.join(1)', 'VM1004', 17, 'String'],
  ['Patient', 'name.ofType(1)', 'VM1004', 13, 'type'],
  ['Patient', 'name.getReferenceKey()', 'VM1004', 6, 'Reference'],
  ['Patient', 'link.other.getReferenceKey(HumanName)', 'VM1004', 28, 'resource type'],
  ['HumanName', 'getResourceKey()', 'VM1004', 1, '%resource'],
  ['Patient', 'active < true', 'VM1004', 1, 'order'],
  ['Patient', 'gender < 1', 'VM1004', 8, 'code with integer'],
  ['Observation', 'value.ofType(Quantity) < value.ofType(Quantity)', 'VM1004', 1, 'its value'],
  ['Patient', "1 + 'a'", 'VM1004', 1, 'String'],
  ['Patient', 'birthDate + 1', 'VM1004', 1, 'numbers'],
  ['Patient', "-'a'", 'VM1004', 2, 'unary -'],
  ['Patient', "1 & 'a'", 'VM1004', 1, 'String'],
  ['Patient', 'name.lowBoundary()', 'VM1004', 6, 'Period'],
  ['Patient', '%ues', 'VM1005', 1, 'did you mean "use"'],
  ['Patient', '%constructor', 'VM1005', 1, ''],
  ['Patient', 'deceasedBoolean', 'VM1006', 1, 'deceased.ofType(boolean)'],
  ['Observation', 'component.valueCodeableConcept.text', 'VM1006', 11, 'value.ofType(CodeableConcept)'],
  ['Observation', 'value.unit', 'VM1006', 7, 'value.ofType(Quantity).unit'],
  ['Observation', 'value = 1', 'VM1006', 1, 'ofType()'],
  ['Observation', 'value.first()', 'VM1006', 7, 'ofType()'],
  ['Observation', 'value[0]', 'VM1006', 1, 'ofType()'],
  ['Observation', 'value.where(true)', 'VM1006', 7, 'ofType()'],
];

describe('compilePath', () => {
  it.each(MEANINGS)('%s: %s', (context, path, expected, type) => {
    const expression = compilePath(path, options(context));
    expect(summary(expression)).toBe(expected);
    expect(expression.type).toEqual(valueType(type));
  });

  it.each(ERRORS)('%s: refuses %s with %s at column %i', (context, path, code, column, part) => {
    const error = thrown(() => compilePath(path, options(context)));
    const line = path.startsWith('\n') ? 2 : 1;
    expect(error).toMatchObject({ code, diagnostics: [{ code, at: 'select[0].column[0].path', position: { line, column } }] });
    expect(error.message).toContain(part);
  });

  it('gives every node a cardinality that does not exceed what singles allow', () => {
    expect(compilePath('name.family', options('Patient')).many).toBe(true);
    expect(compilePath('name.family.first()', options('Patient')).many).toBe(false);
    expect(compilePath("name.where(use = 'a')", options('Patient')).many).toBe(true);
    expect(compilePath('maritalStatus.where(text.exists())', options('Patient')).many).toBe(false);
  });

  it('freezes all nodes', () => {
    const walk = (value: unknown): boolean =>
      typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(walk));
    for (const [context, path] of MEANINGS) expect(walk(compilePath(path, options(context))), path).toBe(true);
  });

  it('names the text in a single node', () => {
    const expression = compilePath("name.family < 'x'", options('Patient'));
    expect((expression as Extract<Expression, { kind: 'comparison' }>).left).toMatchObject({
      kind: 'single',
      at: "name.family < 'x'",
    });
  });

  it('bounds length and depth', () => {
    expect(thrown(() => compilePath('a'.repeat(10_001), options('Patient')))).toMatchObject({ code: 'VM1001' });
    expect(thrown(() => compilePath('('.repeat(9_000), options('Patient')))).toMatchObject({ code: 'VM1001' });
    expect(thrown(() => compilePath(`${'-'.repeat(9_000)}1`, options('Patient')))).toMatchObject({ code: 'VM1001' });
    expect(thrown(() => compilePath('a..b'.repeat(300), options('Patient')))).toMatchObject({
      diagnostics: [{ position: { line: 1, column: 3 } }],
    });
  });

  it('is lenient for repeat only', () => {
    const lenient = options('QuestionnaireResponse', { lenient: true });
    expect(summary(compilePath('answer.item', lenient))).toBe('{}');
    expect(compilePath('answer.item', lenient).type.fhir).toBe('unknown');
    expect(summary(compilePath('item.where(answer.nope.exists())', lenient))).toBe('$.item*.where(exists({}))');
    expect(summary(compilePath("nope.extension('x').where(%yes).first().value.ofType(string)", lenient))).toBe('{}');
    expect(thrown(() => compilePath('nope.where(%none)', lenient)).code).toBe('VM1005');
  });
});

function thrown(work: () => unknown): Error & { code?: string } {
  try {
    work();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}
