import { compileRows, parseResource, rowsOf, rowToJsonText } from '@viewmill/backend-js';
import { compileToSql } from '@viewmill/backend-sql';
import { createCatalog, migrate } from '@viewmill/catalog';
import { ident, searchSchema } from '@viewmill/contracts';
import { detectHapi, restSource } from '@viewmill/fhir-source';
import { refreshView } from '@viewmill/materializer';
import { createMemoryRunner, createRunner } from '@viewmill/runner';
import {
  type ConformanceSuite,
  type ConformanceTest,
  compareRows,
  putResource,
  type Row,
  startFhirServer,
} from '@viewmill/testkit';
import { compileView } from '@viewmill/views';
import type { Pool } from 'pg';
import sql, { join } from 'sql-template-tag';

/** One way of computing a view's rows. `suite` is loaded once for all of its tests. */
export interface ConformanceEngine {
  readonly name: string;
  readonly load: (suite: ConformanceSuite) => Promise<(test: ConformanceTest) => Promise<readonly Row[]>>;
}

/** @returns null if the test passed, else what went wrong. An error is a pass where one is expected. */
export async function runTest(
  run: (test: ConformanceTest) => Promise<readonly Row[]>,
  test: ConformanceTest,
): Promise<string | null> {
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
        rowsOf(rows, parseResource(text, { decimals: plan.needs.decimals })).map(
          (row) => JSON.parse(rowToJsonText(plan, row)) as Row,
        ),
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
      const answer = await pool.query<{ row: Row }>(
        sql`select row_to_json(t) as row from (select ${columns} from (${rows}) v) t`,
      );
      return answer.rows.map(({ row }) => row);
    },
  };
}

/**
 * The whole way of a materialized view: resources written into HAPI's tables, a full build, rows read by the materialized runner.
 * @param pool a database with HAPI's tables, whose content is replaced.
 */
export function materializedEngine(pool: Pool): ConformanceEngine {
  return {
    name: 'materialized',
    load: async (suite) => {
      await replaceResources(pool, suite);
      await migrate(pool, { schema: 'sqlonfhir', readerRole: '' });
      const catalog = createCatalog({ pool, schema: 'sqlonfhir' });
      const layout = await detectHapi(pool, { schema: 'public', timeZone: 'UTC' });
      const runner = createRunner({ kind: 'materialized', source: pool, target: pool, layout, catalog, rememberMs: 0 });
      return async (test) => {
        const name = 'conformance';
        const plan = compileView({ ...test.view, name });
        await refreshView({ name, plan, reason: 'test', source: pool, target: pool, catalog, layout });
        const { rowsJson } = await runner.execute({ name, plan }, searchSchema.parse({}));
        return JSON.parse(rowsJson) as Row[];
      };
    },
  };
}

/** The whole way of the runner `memory`: resources served by HTTP, small pages, rows computed as they come. */
export const memoryEngine: ConformanceEngine = {
  name: 'memory',
  load: async (suite) => {
    return async (test) => {
      const plan = compileView(test.view);
      const ofType = (type: string) => suite.texts.filter((_, index) => suite.resources[index]?.resourceType === type);
      const server = await startFhirServer({ resources: ofType });
      try {
        const runner = createMemoryRunner({ source: restSource({ baseUrl: server.url, pageSize: 2 }) });
        const { rowsJson } = await runner.execute({ name: null, plan }, searchSchema.parse({}));
        return JSON.parse(rowsJson) as Row[];
      } finally {
        await server.close();
      }
    };
  },
};

async function replaceResources(pool: Pool, suite: ConformanceSuite): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('truncate hfj_resource, hfj_res_ver, hfj_res_tag, hfj_res_link cascade');
    for (const [index, { resourceType, id }] of suite.resources.entries()) {
      await putResource(client, { type: resourceType, id: id ?? `r${index}`, json: suite.texts[index] ?? '' });
    }
  } finally {
    client.release();
  }
}
