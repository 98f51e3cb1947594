import type { Expression } from '@viewmill/fhirpath';
import { describe, expect, it } from 'vitest';
import { compileRows, parseResource, rowsOf, toJsonText } from '../src/index.ts';
import * as n from './nodes.ts';

const PATIENT = `{"resourceType":"Patient","id":"p1","active":true,"birthDate":"1970-06","name":[{"family":"A","given":["a1",null,"a2"]},{"family":"B"}],
  "contained":[{"resourceType":"Organization","id":"o"},{"resourceType":"Patient","id":"q"}],
  "one":1,"exact":4.10,"big":12345678901234567890,"half":0.5,"price":1.0,"weird":"text","none":null,"wrapped":["x"],
  "link":[{"reference":"Patient/a"},{"reference":"Patient/b/_history/3"},{"reference":"Group/c"},{"reference":"http://x/Patient/d"},{"reference":"urn:uuid:e"},{"reference":"#f"},{"display":"g"}],
  "x":{"a":1,"b":[1.0,2]},"y":{"b":[1,2.00],"a":1.0},"z":{"a":1},
  "at":"2015-02-07T13:28:17.239-05:00","day":"2015-02-07","time":"12:34","emoji":"\\ud83d\\ude00","private":"\\uf8ff"}`;

/** The expression's items, as JSON text with exact digits. */
function evaluate(expression: Expression): string {
  const plan = n.plan([n.column('v', 'json', { collection: true })], [n.select([n.value(0, expression)])]);
  const [row] = rowsOf(compileRows(plan), parseResource(PATIENT, { decimals: true }));
  return toJsonText(row?.[0] ?? null);
}

const t = n.bool(true);
const f = n.bool(false);
const u = n.nothing;
const date = (text: string) => n.literal(text, 'DateTime');
const cmp = (a: Expression, operator: '<' | '<=' | '>' | '>=', b: Expression, as: 'string' | 'number' | 'temporal' | 'time') =>
  n.comparison(a, operator, b, as);

const cases: Readonly<Record<string, readonly (readonly [string, Expression, string])[]>> = {
  'literals and variables': [
    ['string', n.text('a'), '["a"]'],
    ['decimal keeps its zero', n.decimal('4.10'), '[4.10]'],
    ['boolean', t, '[true]'],
    ['empty', n.nothing, '[]'],
    ['%resource within a filter', n.path('id', n.filter(n.resource, n.exists(n.path('id')))), '["p1"]'],
    [
      '%context within a filter',
      n.path('family*', n.filter(n.path('name*'), n.equality(n.path('family'), n.path('name.family', n.context), 'never'))),
      '[]',
    ],
    ['%rowIndex outside of an iteration', n.rowIndex, '[0]'],
  ],
  members: [
    ['missing', n.path('nothing.at.all'), '[]'],
    ['null', n.path('none'), '[]'],
    ['flattened over items, nulls left out', n.path('name*.given*'), '["a1","a2"]'],
    ['an array where one is expected', n.path('wrapped'), '["x"]'],
    ['one where the model allows several', n.path('birthDate*'), '["1970-06"]'],
    ['below a text', n.path('weird.length'), '[]'],
    ['exact digits', n.path('exact'), '[4.10]'],
    ['twenty digits', n.path('big'), '[12345678901234567890]'],
    ['choice', n.count(n.choice(['nothing', 'one'])), '[1]'],
    ['choice of nothing', n.exists(n.choice(['nothing', 'none'])), '[false]'],
  ],
  selection: [
    ['index', n.path('family', n.index(n.path('name*'), n.integer(1))), '["B"]'],
    ['index too large', n.index(n.path('name*'), n.integer(2)), '[]'],
    ['negative index', n.index(n.path('name*'), n.minus(n.integer(1))), '[]'],
    ['index empty', n.index(n.path('name*'), u), '[]'],
    ['second of one', n.index(n.path('id'), n.integer(1)), '[]'],
    ['first() over members', n.first(n.path('name*.given*')), '["a1"]'],
    ['first() of a filter', n.path('family', n.first(n.filter(n.path('name*'), n.exists(n.path('given*'), true)))), '["B"]'],
    ['filter: unknown is not true', n.filter(n.path('name*'), u), '[]'],
    ['filter of one', n.filter(n.path('id'), n.equality(n.focus, n.text('p1'), 'string')), '["p1"]'],
    ['ofType(Organization)', n.path('id*', n.ofResourceType(n.path('contained*'), 'Organization')), '["o"]'],
    ['ofType of one', n.path('id', n.ofResourceType(n.focus, 'Organization')), '[]'],
    ['exists(criteria)', n.exists(n.filter(n.path('name*'), n.equality(n.path('family'), n.text('B'), 'string'))), '[true]'],
    ['empty(criteria)', n.exists(n.filter(n.path('name*'), f), true), '[true]'],
    ['empty()', n.exists(n.path('name*'), true), '[false]'],
    ['count()', n.count(n.path('name*.given*')), '[2]'],
    ['count() of nothing', n.count(n.path('nothing*')), '[0]'],
    ['single of one', n.single(n.path('wrapped*')), '["x"]'],
  ],
  comparison: [
    ['string by code point: U+1F600 is after U+F8FF', cmp(n.path('emoji'), '>', n.path('private'), 'string'), '[true]'],
    ['a prefix is less', cmp(n.text('ab'), '<', n.text('abc'), 'string'), '[true]'],
    ['1 <= 1.0', cmp(n.path('one'), '<=', n.path('price'), 'number'), '[true]'],
    ['4.10 > 4.1', cmp(n.path('exact'), '>', n.decimal('4.1'), 'number'), '[false]'],
    ['twenty digits differ in the last', cmp(n.path('big'), '<', n.decimal('12345678901234567891'), 'number'), '[true]'],
    ['empty', cmp(n.path('none'), '<', n.integer(1), 'number'), '[]'],
    ['a text is no number', cmp(n.path('weird'), '<', n.integer(1), 'number'), '[]'],
    ['coarser precision decides', cmp(n.path('birthDate'), '<', date('1971'), 'temporal'), '[true]'],
    ['equal at the coarser precision', cmp(n.path('birthDate'), '<', date('1970'), 'temporal'), '[]'],
    ['zone', cmp(n.path('at'), '>', date('2015-02-07T18:28:17.238Z'), 'temporal'), '[true]'],
    [
      'zone taken into account before cutting off',
      cmp(date('2015-02-07T23:30:00-05:00'), '>', n.path('day'), 'temporal'),
      '[true]',
    ],
    ['no zone is UTC', cmp(date('2015-02-07T18:28:17'), '<', n.path('at'), 'temporal'), '[true]'],
    [
      'seconds and fraction are one precision',
      n.equality(date('2015-02-07T10:00:00Z'), date('2015-02-07T10:00:00.000Z'), 'temporal'),
      '[true]',
    ],
    ['microseconds', cmp(date('2015-02-07T10:00:00.0000014Z'), '<=', date('2015-02-07T10:00:00.000001Z'), 'temporal'), '[true]'],
    ['not a date', cmp(n.path('weird'), '<', date('2015'), 'temporal'), '[]'],
    ['time', cmp(n.path('time'), '<', n.literal('12:35:01', 'Time'), 'time'), '[true]'],
    ['time of another precision', cmp(n.path('time'), '<', n.literal('12:34:01', 'Time'), 'time'), '[]'],
  ],
  equality: [
    ['strings', n.equality(n.path('id'), n.text('p1'), 'string'), '[true]'],
    ['!=', n.equality(n.path('id'), n.text('p1'), 'string', true), '[false]'],
    ['empty', n.equality(n.path('none'), n.text('p1'), 'string'), '[]'],
    ['1 = 1.0', n.equality(n.path('one'), n.path('price'), 'number'), '[true]'],
    ['booleans', n.equality(n.path('active'), t, 'boolean'), '[true]'],
    ['never', n.equality(n.path('id'), n.integer(1), 'never'), '[false]'],
    ['!= never', n.equality(n.path('id'), n.integer(1), 'never', true), '[true]'],
    ['never, empty', n.equality(n.path('none'), n.integer(1), 'never'), '[]'],
    ['deep: numbers by value, any order of keys', n.equality(n.path('x'), n.path('y'), 'deep'), '[true]'],
    ['deep: a property more', n.equality(n.path('x'), n.path('z'), 'deep'), '[false]'],
    ['many: another number of items', n.equality(n.path('name*.given*'), n.path('id'), 'string'), '[false]'],
    ['many: equal in order', n.equality(n.path('name*.given*'), n.path('name*.given*'), 'string'), '[true]'],
    ['many: empty', n.equality(n.path('name*.given*'), n.path('nothing*'), 'string'), '[]'],
    ['many: unknown pair', n.equality(n.path('wrapped*'), n.path('day'), 'temporal'), '[]'],
    ['dates of different precision', n.equality(n.path('birthDate'), date('1970'), 'temporal'), '[]'],
    ['dates that differ before', n.equality(n.path('birthDate'), date('1971'), 'temporal'), '[false]'],
  ],
  arithmetic: [
    ['exact sum', n.arithmetic(n.decimal('0.1'), '+', n.decimal('0.2')), '[0.3]'],
    ['no zeros at the end', n.arithmetic(n.path('exact'), '+', n.decimal('0.90')), '[5]'],
    ['difference of large numbers', n.arithmetic(n.path('big'), '-', n.decimal('12345678901234567889')), '[1]'],
    ['product beyond JS numbers', n.arithmetic(n.integer(9007199254740991), '*', n.integer(3)), '[27021597764222973]'],
    ['3 / 2', n.arithmetic(n.integer(3), '/', n.integer(2)), '[1.5]'],
    ['2 / 3: eight places', n.arithmetic(n.integer(2), '/', n.integer(3)), '[0.66666667]'],
    ['half away from zero', n.arithmetic(n.decimal('-0.00000001'), '/', n.integer(2)), '[-0.00000001]'],
    ['/ 0', n.arithmetic(n.integer(1), '/', n.decimal('0.0')), '[]'],
    ['div', n.arithmetic(n.minus(n.integer(7)), 'div', n.integer(2)), '[-3]'],
    ['div of decimals', n.arithmetic(n.decimal('7.5'), 'div', n.decimal('0.5')), '[15]'],
    ['mod has the sign of the dividend', n.arithmetic(n.minus(n.integer(7)), 'mod', n.integer(2)), '[-1]'],
    ['mod of decimals', n.arithmetic(n.decimal('7.5'), 'mod', n.integer(2)), '[1.5]'],
    ['mod 0', n.arithmetic(n.integer(1), 'mod', n.integer(0)), '[]'],
    ['no negative zero', n.arithmetic(n.integer(0), '*', n.minus(n.integer(1))), '[0]'],
    ['empty', n.arithmetic(n.integer(1), '+', u), '[]'],
    ['minus keeps digits', n.minus(n.path('exact')), '[-4.10]'],
    ['minus a text', n.minus(n.path('weird')), '[]'],
  ],
  strings: [
    ['+', n.concat(n.text('a'), n.text('b')), '["ab"]'],
    ['+ empty', n.concat(n.text('a'), u), '[]'],
    ['&', n.concat(u, n.text('b'), true), '["b"]'],
    ['& of nothing', n.concat(u, u, true), '[""]'],
    ['join', n.join(n.path('name*.given*'), n.text(', ')), '["a1, a2"]'],
    ['join of nothing (conformance suite)', n.join(n.path('nothing*'), n.text(',')), '[""]'],
  ],
  references: [
    ['relative ones', n.referenceKey(n.path('link*')), '["a","b","c"]'],
    ['of a type', n.referenceKey(n.path('link*'), 'Patient'), '["a","b"]'],
    ['one', n.referenceKey(n.index(n.path('link*'), n.integer(1))), '["b"]'],
    ['one that is absolute', n.referenceKey(n.index(n.path('link*'), n.integer(3))), '[]'],
  ],
  boundaries: [
    ['1.0 low', n.boundary(n.path('price'), 'low', 'decimal'), '[0.95]'],
    ['1.0 high', n.boundary(n.path('price'), 'high', 'decimal'), '[1.05]'],
    ['1 high', n.boundary(n.path('one'), 'high', 'decimal'), '[1.5]'],
    ['-4.10 low', n.boundary(n.minus(n.path('exact')), 'low', 'decimal'), '[-4.105]'],
    ['month low', n.boundary(n.path('birthDate'), 'low', 'date'), '["1970-06-01"]'],
    ['month high', n.boundary(n.path('birthDate'), 'high', 'date'), '["1970-06-30"]'],
    ['February of a leap year', n.boundary(date('2012-02'), 'high', 'date'), '["2012-02-29"]'],
    ['year high', n.boundary(date('2012'), 'high', 'date'), '["2012-12-31"]'],
    ['day low', n.boundary(n.path('day'), 'low', 'dateTime'), '["2015-02-07T00:00:00.000+14:00"]'],
    ['day high', n.boundary(n.path('day'), 'high', 'dateTime'), '["2015-02-07T23:59:59.999-12:00"]'],
    ['zone stays', n.boundary(date('2015-02-07T10:00:00Z'), 'high', 'dateTime'), '["2015-02-07T10:00:00.999Z"]'],
    ['milliseconds', n.boundary(date('2015-02-07T10:00:00.12345Z'), 'high', 'dateTime'), '["2015-02-07T10:00:00.123Z"]'],
    ['time low', n.boundary(n.path('time'), 'low', 'time'), '["12:34:00.000"]'],
    ['time high', n.boundary(n.path('time'), 'high', 'time'), '["12:34:59.999"]'],
    ['not a date', n.boundary(n.path('weird'), 'low', 'dateTime'), '[]'],
  ],
};

for (const [group, table] of Object.entries(cases)) {
  describe(group, () => {
    it.each(table)('%s', (_, expression, expected) => expect(evaluate(expression)).toBe(expected));
  });
}

describe('three-valued logic', () => {
  const letters: Readonly<Record<string, Expression>> = { t, f, u };
  // Columns: tt tf tu ft ff fu ut uf uu
  it.each([
    ['and', 'tfufffufu'],
    ['or', 'ttttfutuu'],
    ['xor', 'ftutfuuuu'],
    ['implies', 'tfuttttuu'],
  ] as const)('%s', (operator, expected) => {
    const found = [...'tfu'].flatMap((a) => [...'tfu'].map((b) => evaluate(n.logic(operator, letters[a] ?? u, letters[b] ?? u))));
    expect(found.map((text) => ({ '[true]': 't', '[false]': 'f' })[text] ?? 'u').join('')).toBe(expected);
  });

  it('not', () => expect([t, f, u].map((value) => evaluate(n.not(value)))).toEqual(['[false]', '[true]', '[]']));
});

describe('several values where one is expected', () => {
  it('fails and names the place, not the values', () => {
    expect(() => evaluate(n.single(n.path('name*.given*'), 'name.given'))).toThrow(
      expect.objectContaining({
        code: 'VM1201',
        at: 'column[0]',
        message: 'column[0]: several values where one is expected: name.given',
      }),
    );
  });
});
