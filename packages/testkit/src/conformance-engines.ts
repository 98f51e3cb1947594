import { compileRows, parseResource, rowsOf, rowToJsonText } from '@viewmill/backend-js';
import { compileToSql } from '@viewmill/backend-sql';
import { ident } from '@viewmill/contracts';
import { compileView } from '@viewmill/views';
import type { Pool } from 'pg';
import sql, { join } from 'sql-template-tag';
import { compareRows, type ConformanceSuite, type ConformanceTest, type Row } from './conformance.ts';

/** One way of computing a view's rows. `suite` is loaded once for all of its tests. */
export interface ConformanceEngine {
  readonly name: string;
  readonly load: (suite: ConformanceSuite) => Promise<(test: ConformanceTest) => Promise<readonly Row[]>>;
}

/** @returns null if the test passed, else what went wrong. An error is a pass where one is expected. */
export async function runTest(run: (test: ConformanceTest) => Promise<readonly Row[]>, test: ConformanceTest): Promise<string | null> {
  let rows: readonly Row[];
  try {
    rows = await run(test);
  } catch (error) {
    return test.expectError === true ? null : `${(error as Error).name}: ${(error as Error).message}`;
  }
  return compareRows(rows, test);
}

/** The compiled row function, over the JSON texts. */
export const jsEngine: ConformanceEngine = {
  name: 'javascript',
  load: async (suite) => {
    return async (test) => {
      const plan = compileView(test.view);
      const rows = compileRows(plan);
      return suite.texts.flatMap((text) =>
        rowsOf(rows, parseResource(text, { decimals: plan.needs.decimals })).map((row) => JSON.parse(rowToJsonText(plan, row)) as Row),
      );
    };
  },
};

/** SQL on the fly. The resources are values of the statement: no table is made. */
export function sqlEngine(pool: Pool): ConformanceEngine {
  return {
    name: 'postgresql',
    load: async (suite) => async (test) => {
      const plan = compileView(test.view);
      const values = suite.resources.flatMap(({ resourceType, id }, index) =>
        resourceType === plan.resource ? [sql`(${index}::bigint, ${id ?? null}::text, ${suite.texts[index]}::text)`] : [],
      );
      if (values.length === 0) return [];
      const relation = sql`select res_id, id, body, body::jsonb -> 'meta' as meta from (values ${join(values)}) as v(res_id, id, body)`;
      const { rows } = compileToSql(plan, relation);
      const columns = join(plan.columns.map(({ name }) => ident(name)));
      const answer = await pool.query<{ row: Row }>(sql`select row_to_json(t) as row from (select ${columns} from (${rows}) v) t`);
      return answer.rows.map(({ row }) => row);
    },
  };
}
