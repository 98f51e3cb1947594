import { readFileSync } from 'node:fs';
import {
  type ConformanceSuite,
  type ConformanceTest,
  compareRows,
  conformanceSuites,
  describeWithShared,
  sharedDir,
  sharedPath,
  useDatabase,
} from '@viewmill/testkit';
import { compileView } from '@viewmill/views';
import { describe, expect, it } from 'vitest';
import { rowsOf } from './run-view.ts';

describeWithShared('SQL on FHIR v2 on PostgreSQL', () => {
  const database = useDatabase();

  /** The resources' texts, cut out of the file by PostgreSQL: JSON.parse would make 1 of 1.0. */
  async function bodiesOf({ file }: ConformanceSuite, resourceType: string): Promise<string[]> {
    const text = readFileSync(sharedPath('conformance', 'sql-on-fhir-v2', file), 'utf8');
    const { rows } = await database.pool.query<{ body: string }>(
      `select item::text as body from jsonb_array_elements($1::jsonb -> 'resources') with ordinality as e(item, ord)
        where item ->> 'resourceType' = $2 order by ord`,
      [text, resourceType],
    );
    return rows.map(({ body }) => body);
  }

  async function differences(suite: ConformanceSuite, test: ConformanceTest, ordinal: boolean): Promise<string | null> {
    try {
      const plan = compileView(test.view);
      return compareRows(await rowsOf(database, plan, await bodiesOf(suite, plan.resource), { ordinal }), test);
    } catch (error) {
      if (test.expectError === true) return null;
      throw error;
    }
  }

  for (const suite of sharedDir() === null ? [] : conformanceSuites()) {
    describe(suite.file, () => {
      for (const test of suite.tests) {
        it(test.title, async () => expect(await differences(suite, test, false)).toBeNull());
        it(`${test.title} (with ordinal)`, async () => expect(await differences(suite, test, true)).toBeNull());
      }
    });
  }
});
