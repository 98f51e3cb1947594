import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readBundle } from '../src/rest/bundle.ts';

const page = (more: string): string => `{"resourceType":"Bundle",${more}}`;

describe('a page of search results', () => {
  it('is cut where its resources are, digit for digit', () => {
    const resources = [
      '{"id":"a","n":4.10,"e":1e-7,"s":"\\\\","t":"}]\\"{","entry":[{"resource":{"id":"no"}}]}',
      '{ "id" : "b" , "link" : [ { "relation" : "next" , "url" : "no" } ] }',
      '{}',
    ];
    const entries = resources.map((text) => `{"fullUrl":"x\\"y","resource":${text},"search":{"mode":"match"}}`);
    const text = page(
      `"total": 3, "entry":[${entries.join(' ,\n')}],"link":[{"relation":"self","url":"s"},{"relation":"next","url":"n"}]`,
    );
    expect(readBundle(`\ufeff ${text}\n`)).toEqual({ texts: resources, next: 'n' });
  });

  it('leaves out what is no match', () => {
    const entries = [
      '{"search":{"mode":"include"},"resource":{"id":"i"}}',
      '{"resource":{"id":"o"},"search":{"mode":"outcome"}}',
      '{"resource":{"id":"m"}}',
      '{}',
    ];
    expect(readBundle(page(`"entry":[${entries.join(',')}]`))).toEqual({ texts: ['{"id":"m"}'], next: null });
    expect(readBundle(page('"entry":[]'))).toEqual({ texts: [], next: null });
    expect(readBundle(page('"link":[]'))).toEqual({ texts: [], next: null });
    expect(readBundle('{"resourceType":"Patient"}')).toBeNull();
    expect(readBundle('{}')).toBeNull();
  });

  it('gives what JSON.parse gives, and refuses every text that is cut off', () => {
    const resource = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 }));
    const cases = fc.tuple(fc.array(resource, { maxLength: 4 }), fc.constantFrom(undefined, 1, '\t'), fc.nat());
    fc.assert(
      fc.property(cases, ([resources, indent, cut]) => {
        const entry = resources.map((each) => ({ fullUrl: 'urn:"x"', resource: each }));
        const text = JSON.stringify({ entry, resourceType: 'Bundle', link: [{ relation: 'next', url: '?"}' }] }, null, indent);
        const found = readBundle(text);
        expect(found?.next).toBe('?"}');
        expect(found?.texts.map((each) => JSON.parse(each) as unknown)).toEqual(JSON.parse(JSON.stringify(resources)));
        expect(() => readBundle(text.slice(0, cut % text.length))).toThrow(SyntaxError);
      }),
      { numRuns: 300, seed: 20261124 },
    );
  });

  it.each([
    '',
    ' ',
    '[]',
    'null',
    '"x"',
    '{"entry":{}}',
    '{"entry":[1]}',
    '{"a" 1}',
    '{"a":1 "b":2}',
    '{"a":1}x',
    '{"a":,}',
    '{a:1}',
  ])('refuses %j', (text) => {
    expect(() => readBundle(text)).toThrow(SyntaxError);
  });
});
