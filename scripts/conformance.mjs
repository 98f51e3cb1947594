import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** `npm run conformance`: runs the official tests on every engine and writes conformance/<engine>/test_report.json. */
const folder = 'conformance';
const { status } = spawnSync(
  process.execPath,
  ['node_modules/vitest/vitest.mjs', 'run', 'test/conformance/conformance.test.ts'],
  {
    stdio: 'inherit',
    env: { ...process.env, CONFORMANCE_REPORT: folder },
  },
);
for (const engine of readdirSync(folder)) {
  const report = JSON.parse(readFileSync(`${folder}/${engine}/test_report.json`, 'utf8'));
  const tests = Object.values(report).flatMap((suite) => suite.tests);
  const passed = tests.filter((test) => test.result.passed).length;
  process.stdout.write(`${engine}: ${passed} of ${tests.length} passed → ${folder}/${engine}/test_report.json\n`);
}
process.exitCode = status ?? 1;
