import type { Cast } from '@viewmill/views';
import { describe, expect, it } from 'vitest';
import { compileRows, copyEncoder, parseResource, rowsOf, rowToJsonText } from '../src/index.ts';
import * as n from './nodes.ts';
import { VALUES } from './value-table.ts';

/** One column of `v`: the line that COPY reads, and the JSON. */
function write(
  cast: Cast,
  json: string,
  options: { collection?: boolean; sqlType?: string } = {},
): { copy: string; json: string } {
  const plan = n.plan([n.column('v', cast, options)], [n.select([n.value(0, n.path(options.collection === true ? 'v*' : 'v'))])]);
  const [row = []] = rowsOf(compileRows(plan), parseResource(`{"resourceType":"Patient","v":${json}}`, { decimals: true }));
  const encoder = copyEncoder(plan);
  encoder.add(7, 0, row);
  const line = encoder.take().toString('utf8');
  expect(line).toMatch(/^7\t0\t.*\n$/s);
  return { copy: line.slice(4, -1), json: rowToJsonText(plan, row).slice('{"v":'.length, -1) };
}

describe.each(VALUES)('%s', (cast, table) => {
  it.each(table.map(([json, copy, shown]) => ({ json, copy, shown })))('$json', ({ json, copy, shown }) => {
    const found = write(cast, json);
    expect(found.copy).toBe(copy);
    if (shown !== undefined) expect(found.json).toBe(shown);
  });
});

describe('collections', () => {
  it.each<[Cast, string, string, string]>([
    [
      'text',
      '["a","b c",null,"NULL","q\\"\\\\{},","ü"]',
      '{"a","b c","NULL","q\\\\"\\\\\\\\{},","ü"}',
      '["a","b c","NULL","q\\"\\\\{},","ü"]',
    ],
    ['text', '[]', '{}', '[]'],
    ['boolean', '[true,false]', '{t,f}', '[true,false]'],
    ['numeric', '[1.50,2]', '{"1.50","2"}', '[1.50,2]'],
    ['date', '["2015","nonsense"]', '{"2015-01-01"}', '["2015-01-01"]'],
    ['json', '[{"a":1}]', '[{"a":1}]', '[{"a":1}]'],
    ['json', '[]', '[]', '[]'],
  ])('%s %s', (cast, json, copy, shown) => {
    expect(write(cast, json, { collection: true })).toEqual({ copy, json: shown });
  });
});

describe('numbers out of range', () => {
  it.each<[Cast, string, string?]>([
    ['integer', '2147483648'],
    ['smallint', '-32769'],
    ['bigint', '9223372036854775808'],
    ['float8', '1e400'],
    ['numeric', '1e99999'],
    ['numeric', '999.995', 'numeric(5,2)'],
  ])('%s %s', (cast, json, sqlType = cast) => {
    expect(() => write(cast, json, { sqlType })).toThrow(expect.objectContaining({ code: 'VM1203', at: 'v' }));
  });

  it.each([
    ['4.1', '4.10'],
    ['-1.005', '-1.01'],
    ['-0.001', '0.00'],
    ['7', '7.00'],
  ])('numeric(5,2) rounds %s to %s', (json, expected) => {
    expect(write('numeric', json, { sqlType: 'numeric(5,2)' })).toEqual({ copy: expected, json: expected });
  });
});

describe('copyEncoder', () => {
  it.each<[Cast, string]>([
    ['text', '"a\\u0000b"'],
    ['json', '{"a":"b\\u0000"}'],
  ])('gives up a row with a NUL in a %s', (cast, json) => {
    const plan = n.plan([n.column('v', cast)], [n.select([n.value(0, n.path('v'))])]);
    const [row = []] = rowsOf(compileRows(plan), parseResource(`{"v":${json}}`, { decimals: false }));
    const encoder = copyEncoder(plan);
    encoder.add('1', 0, [null]);
    expect(() => encoder.add('2', 0, row)).toThrow(expect.objectContaining({ code: 'VM1203' }));
    encoder.add('3', 0, [null]);
    expect(encoder.take().toString()).toBe('1\t0\t\\N\n3\t0\t\\N\n');
  });

  it('does not take an escaped backslash before u0000 for a NUL', () => {
    expect(write('json', '"\\\\u0000"').json).toBe('"\\\\u0000"');
  });

  it('grows, and what was taken stays', () => {
    const plan = n.plan([n.column('v')], []);
    const encoder = copyEncoder(plan);
    const text = 'ü'.repeat(300_000);
    encoder.add(1, 0, [text]);
    const first = encoder.take();
    encoder.add(2, 1, ['b']);
    expect(encoder.size()).toBeGreaterThan(0);
    expect(encoder.take().toString()).toBe('2\t1\tb\n');
    expect(encoder.size()).toBe(0);
    expect(encoder.take()).toHaveLength(0);
    expect(first.toString()).toBe(`1\t0\t${text}\n`);
  });
});

describe('parseResource', () => {
  const read = (v: string, decimals = true) => write('json', v).json === v && decimals;

  it.each([
    '{"a":[1.0,2.50]}',
    '{"a":"\\":4.10,","b":4.10}',
    '{"a":":4.10","b":1}',
    '{"é":4.10}',
    '{"a": 4.10 , "b" : [ 1.10 ]}'.replace(/ /g, ''),
  ])('keeps %s', (text) => {
    expect(read(text)).toBe(true);
  });

  it('reads a property twice as JSON.parse does: the last one counts', () => {
    expect(write('json', '{"é":1.0,"é":2.0}').json).toBe('{"é":2.0}');
  });

  it('without decimals is JSON.parse', () => {
    expect(parseResource('{"a":4.10}', { decimals: false })).toEqual({ a: 4.1 });
  });

  it('refuses what is not an object', () => {
    expect(() => parseResource('[]', { decimals: true })).toThrow(TypeError);
    expect(() => parseResource('{"a":1.0', { decimals: true })).toThrow(SyntaxError);
  });
});
