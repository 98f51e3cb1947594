import { expect, test } from 'vitest';
import { resourceEncoder } from '../src/encode-resources.ts';
import { viewOf } from './setup.ts';

const plan = viewOf('names', 'Patient', [], {
  select: [{ column: [{ name: 'id', path: 'id' }] }, { forEachOrNull: 'name', column: [{ name: 'family', path: 'family' }] }],
});

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

function resource(resId: number, families: readonly string[]) {
  const text = JSON.stringify({ resourceType: 'Patient', name: families.map((family) => ({ family })) });
  return { resId, resVer: 1, id: `i${resId}`, meta: null, text, error: null };
}

test('the rows of a resource that breaks off in the middle are taken out, the others stay', () => {
  const encoder = resourceEncoder(plan);
  encoder.add(resource(1, ['ä', 'line\nend']));
  encoder.add(resource(2, ['fine €', 'ü', 'nul \0']));
  encoder.add(resource(3, ['c']));
  encoder.add(resource(4, ['nul \0']));
  expect(text(encoder.take())).toBe('1\t0\ti1\tä\n1\t1\ti1\tline\\nend\n3\t0\ti3\tc\n');
  encoder.add(resource(5, ['only', '\0']));
  expect(text(encoder.take())).toBe('');
  const { rows, quarantine } = encoder.count();
  expect(rows).toBe(3);
  expect(quarantine.entries.map(({ resId }) => resId)).toEqual([2, 4, 5]);
});
