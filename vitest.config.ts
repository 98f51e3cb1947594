import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** Packages are tested from their sources: no build is needed between an edit and a test. */
const root = fileURLToPath(new URL('.', import.meta.url));
const alias = Object.fromEntries(
  ['packages', 'apps'].flatMap((folder) =>
    readdirSync(`${root}${folder}`).map((name) => {
      const manifest = JSON.parse(readFileSync(`${root}${folder}/${name}/package.json`, 'utf8')) as { name: string };
      return [manifest.name, `${root}${folder}/${name}/src/index.ts`];
    }),
  ),
);

export default defineConfig({
  resolve: { alias },
  test: {
    include: ['packages/*/test/**/*.test.ts', 'apps/*/test/**/*.test.ts', 'test/**/*.test.ts'],
    globalSetup: ['packages/testkit/src/global-setup.ts'],
    reporters: ['default', './scripts/closing-line-reporter.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
  },
});
