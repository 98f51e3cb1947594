import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { settingsSchema } from '@viewmill/contracts';
import { describe, expect, it } from 'vitest';

const readme = readFileSync(fileURLToPath(new URL('../README.md', import.meta.url)), 'utf8');

describe('the README', () => {
  it('lists every setting with its default and meaning, and no other', () => {
    const expected = Object.entries(settingsSchema.shape).map(([name, schema]) => {
      const parsed = schema.safeParse(undefined);
      const value = parsed.success && parsed.data !== undefined ? `\`${String(parsed.data)}\`` : '–';
      return `| \`${name}\` | ${value} | ${schema.description} |`;
    });
    expect(readme.split('\n').filter((line) => /^\| `[A-Z_]+` \|/.test(line))).toEqual(expected);
  });
});
