import { viewOf } from './fixture.ts';

/*
 * A view with a column of every SQL type, over resources whose values are where types differ: digits beyond a double, zones,
 * partial dates, code points beyond 16 bits.
 */

const extension = (url: string, type: string): string => `extension('${url}').value.ofType(${type})`;
const tagged = (path: string, type: string) => ({ path: `${path}.first()`, tag: [{ name: 'ansi/type', value: type }] });

export const kindsView = viewOf('Basic', {
  key: 'getResourceKey()',
  number: `${extension('decimal', 'decimal')}.first()`,
  rounded: tagged(extension('decimal', 'decimal'), 'NUMERIC(30, 2)'),
  float: tagged(extension('float', 'decimal'), 'DOUBLE PRECISION'),
  whole: `${extension('integer', 'integer')}.first()`,
  big: tagged(extension('integer', 'integer'), 'BIGINT'),
  small: tagged(extension('small', 'integer'), 'SMALLINT'),
  instant_at: tagged(extension('time', 'dateTime'), 'TIMESTAMP WITH TIME ZONE'),
  local_at: tagged(extension('time', 'dateTime'), 'TIMESTAMP'),
  day: tagged(extension('time', 'dateTime'), 'DATE'),
  hour: tagged(extension('clock', 'time'), 'TIME'),
  truth: `${extension('flag', 'boolean')}.first()`,
  words: `${extension('text', 'string')}.first()`,
  bytes: tagged(extension('bytes', 'base64Binary'), 'BLOB'),
  list_words: { path: extension('text', 'string'), collection: true },
  list_numbers: { path: extension('decimal', 'decimal'), collection: true },
});

const VALUES: readonly (readonly [url: string, property: string, values: readonly string[]])[] = [
  [
    'decimal',
    'valueDecimal',
    [
      '1',
      '1.0',
      '4.10',
      '4.1',
      '-0.0',
      '12345678901234567890.123456789',
      '12345678901234567890.123456788',
      '0.1',
      '9007199254740993',
      '9007199254740992',
      '-5e3',
      '0.000000000000000000001',
    ],
  ],
  ['float', 'valueDecimal', ['1.5', '0.1', '1e10', '-3.25', '123456.789']],
  ['integer', 'valueInteger', ['0', '-7', '2147483647', '10', '9']],
  ['small', 'valueInteger', ['1', '-32768', '32767', '10', '9']],
  [
    'time',
    'valueDateTime',
    [
      '"2015"',
      '"2015-02"',
      '"2015-02-07"',
      '"2015-02-07T13:28:17.239+02:00"',
      '"2015-02-07T11:28:17.239Z"',
      '"2015-02-06T23:59:59-05:00"',
      '"1899-12-31T00:00:00Z"',
    ],
  ],
  ['clock', 'valueTime', ['"00:00:00"', '"23:59:59.5"', '"09:30:00"', '"09:30:00.000001"']],
  ['flag', 'valueBoolean', ['true', 'false']],
  ['text', 'valueString', ['"a"', '"B"', '"b"', '"Z"', '"ä"', '"\u{1F600}"', '"\uFF21"', '"a b"', '"10"', '"9"']],
  ['bytes', 'valueBase64Binary', ['"AAE="', '"/w=="', '"YWJj"']],
];

/** One resource per value, one with several, one with none. */
export function kindsResources(): string[] {
  const single = VALUES.flatMap(([url, property, values]) => values.map((value) => [entry(url, property, value)]));
  const several = [
    entry('decimal', 'valueDecimal', '7.00'),
    entry('decimal', 'valueDecimal', '8'),
    entry('text', 'valueString', '"b"'),
    entry('text', 'valueString', '"c"'),
  ];
  return [...single, several, []].map(
    (extensions) => `{"resourceType":"Basic","extension":[${extensions.join(',')}],"code":{"text":"k"}}`,
  );
}

function entry(url: string, property: string, value: string): string {
  return `{"url":"${url}","${property}":${value}}`;
}

const NUMBERS = [
  '4.1',
  '1',
  '0',
  '-0',
  '9007199254740993',
  '12345678901234567890.1234567885',
  '1e-21',
  ' 10 ',
  '.1',
  '+5.',
  '-5000',
  'NaN',
  'Infinity',
  '-inf',
  '1e',
  '',
  'x',
  '1_0_',
  '99999999999999999999999999',
];
const INTEGERS = ['9', '10', '-7', ' +9 ', '2147483648', '32768', '9223372036854775808', '1.0', '', 'x', '-32769'];
const INSTANTS = [
  '2015',
  '2015-02-07',
  '2015-02-07T11:28:17.239Z',
  '2015-02-07 13:28:17.239+02',
  '2015-02-07T06:28:17.239-0500',
  '2015-02-07 11:28',
  '2015-02-30',
  '2015-13-01',
  '2015-02-07T24:00:00Z',
  '2015-02-07T25:00:00Z',
  '2015-02-07T11:28:60Z',
  '2015-02-07T11:28:17.2390004Z',
  '0044-03-15 BC',
  'infinity',
  '-infinity',
  'epoch',
  '2015-2-7',
  '',
  'soon',
  '0000-01-01',
];

/** What is searched for: values that are there, that are equal in another form, and that PostgreSQL refuses. */
export const KINDS_VALUES: Readonly<Record<string, readonly string[]>> = {
  number: NUMBERS,
  rounded: NUMBERS,
  float: [...NUMBERS, '1e400', '1e-400', '123456.789'],
  whole: INTEGERS,
  big: INTEGERS,
  small: INTEGERS,
  instant_at: INSTANTS,
  local_at: INSTANTS,
  day: INSTANTS,
  hour: ['09:30', '09:30:00.000001', '9:30', '24:00', '24:00:01', '09:60', '23:59:60', '', 'noon'],
  truth: ['true', 'T', 'yes', 'of', 'o', '1', '0', 'maybe', ' false ', ''],
  words: ['a', 'B', 'ä', '\u{1F600}', '\uFF21', '', '10'],
  bytes: ['\\x0001', '\\xFF', '\\x00 01', 'abc', '\\377', '\\\\', '\\x0', '\\8'],
  list_words: ['a', 'b', 'c', '', '\uFF21'],
  list_numbers: ['1', '7', '8.0', '4.1', 'x'],
};
