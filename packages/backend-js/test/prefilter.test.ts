import { compileView } from '@viewmill/views';
import { describe, expect, it } from 'vitest';
import { compilePrefilter } from '../src/index.ts';

const filterOf = (resource: string, ...where: string[]) =>
  compilePrefilter(
    compileView({ resource, where: where.map((path) => ({ path })), select: [{ column: [{ name: 'id', path: 'id' }] }] }),
  );

describe('the prefilter', () => {
  it.each([
    ["category.coding.where(code = 'laboratory').exists()", '{"code":"laboratory"}', true],
    ["category.coding.where(code = 'laboratory').exists()", '{"code":"vital-signs"}', false],
    ["category.coding.exists(code = 'laboratory' and system = 'urn:x')", '{"code":"laboratory","system":"urn:y"}', false],
    ["status = 'final' and category.coding.exists(code = 'a')", '{"status":"final"}', false],
    ["'final' = status", '{"status":"amended"}', false],
    // Another way to write the same text, and a text that was cut off.
    ["status = 'final'", '{"status":"fin\\u0061l"}', true],
    ["status = 'final'", '{"status":"fi', true],
  ])('%s on %s: %s', (where, text, expected) => {
    expect(filterOf('Observation', where)?.(text)).toBe(expected);
  });

  it.each([
    ["status = 'final' or status = 'amended'"],
    ["(status = 'final').not()"],
    ["status != 'final'"],
    ["category.coding.where(code = 'laboratory').empty()"],
    ["id = 'x'"],
    ["meta.versionId = '1'"],
    ["meta.tag.where(code = 'x').exists()"],
    ["subject.getReferenceKey() = 'x'"],
    ["code.text = 'größer'"],
    ["status = 'final' implies status.exists()"],
    ["code.coding.display.join('') = 'x'"],
  ])('asks nothing for %s', (where) => {
    expect(filterOf('Observation', where)).toBeNull();
  });
});
