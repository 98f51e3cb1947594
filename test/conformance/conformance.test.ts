import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { conformanceSuites, describeWithShared, useDatabase } from '@viewmill/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ConformanceEngine, jsEngine, materializedEngine, memoryEngine, runTest, sqlEngine } from './engines.ts';

/** A report in the format of the suite's test-report.schema.json. */
type Report = Record<string, { tests: { name: string; result: { passed: boolean; error?: string } }[] }>;

const ALL_TESTS = 134;
/** Set by `npm run conformance`: the folder that gets `<engine>/test_report.json`. */
const reportFolder = process.env['CONFORMANCE_REPORT'];

describeWithShared('SQL on FHIR v2 conformance', () => {
  const database = useDatabase('demo');
  const engines: [string, () => ConformanceEngine][] = [
    ['javascript', () => jsEngine],
    ['postgresql', () => sqlEngine(database.pool)],
    ['materialized', () => materializedEngine(database.pool)],
    ['memory', () => memoryEngine],
  ];

  describe.each(engines)('%s', (name, engine) => {
    const report: Report = {};

    describe.each(conformanceSuites().map((suite) => [suite.file, suite] as const))('%s', (file, suite) => {
      let run: Awaited<ReturnType<ConformanceEngine['load']>>;
      beforeAll(async () => {
        run = await engine().load(suite);
      });

      it.each(suite.tests.map((test) => [test.title, test] as const))('%s', async (title, test) => {
        const error = await runTest(run, test);
        const entry = report[file] ?? { tests: [] };
        report[file] = entry;
        entry.tests.push({ name: title, result: error === null ? { passed: true } : { passed: false, error } });
        expect(error).toBeNull();
      });
    });

    afterAll(() => {
      if (reportFolder === undefined) return;
      mkdirSync(join(reportFolder, name), { recursive: true });
      writeFileSync(join(reportFolder, name, 'test_report.json'), `${JSON.stringify(report, null, 2)}\n`);
    });

    it(`has run all ${ALL_TESTS} tests`, () => {
      expect(Object.values(report).flatMap(({ tests }) => tests)).toHaveLength(ALL_TESTS);
    });
  });
});
