import { describeWithShared, putResource, useDatabase } from '@viewmill/testkit';
import fc from 'fast-check';
import type { Pool, PoolClient, QueryConfig } from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import { builtIn, type Fixture, fixture, type Json, rowsOf, searchOf, viewOf, where } from './fixture.ts';

const VIEWS = [
  builtIn('observation_labs'),
  builtIn('condition_simple'),
  builtIn('patient_simple'),
  viewOf('Observation', {
    key: 'getResourceKey()',
    status: 'status',
    codes: { path: 'code.coding.code', collection: true },
    systems: { path: 'code.coding.system', collection: true },
    first_loinc: "code.coding.where(system='http://loinc.org').first().code",
    category: { path: 'category.coding.code', collection: true },
    effective: { path: 'effective.ofType(dateTime)', tags: [{ name: 'ansi/type', value: 'TIMESTAMP' }] },
    day: { path: 'effective.ofType(dateTime)', tags: [{ name: 'ansi/type', value: 'DATE' }] },
    text_of_date: 'effective.ofType(dateTime)',
  }),
  viewOf(
    'Observation',
    { key: 'getResourceKey()' },
    {
      select: [
        {
          forEach: 'component.code.coding',
          column: [
            { name: 'code', path: 'code' },
            { name: 'system', path: 'system' },
          ],
        },
      ],
    },
  ),
  viewOf('Encounter', {
    key: 'getResourceKey()',
    class: 'class.code',
    status: 'status',
    started: { path: 'period.start', tags: [{ name: 'ansi/type', value: 'TIMESTAMP WITH TIME ZONE' }] },
    ended: { path: 'period.end', tags: [{ name: 'ansi/type', value: 'TIMESTAMP WITH TIME ZONE' }] },
  }),
  viewOf('Patient', {
    key: 'getResourceKey()',
    gender: 'gender',
    born: { path: 'birthDate', tags: [{ name: 'ansi/type', value: 'DATE' }] },
    identifiers: { path: 'identifier.value', collection: true },
    marital: 'maritalStatus.coding.first().code',
  }),
];

const OPERATORS = ['eq', 'in', 'ne', 'gt', 'ge', 'lt', 'le'] as const;

/** The same database without its indexes of codes and dates, as far as the runner knows. */
function withoutIndexes(made: Fixture): ReturnType<Fixture['runner']> {
  return made.runner('postgres', { layout: { ...made.layout, tokenIndex: false, dateIndex: false } });
}

/** Runs a query in a session that is watched: the statements over HAPI's tables, with their parameters. */
async function statements(
  pool: Pool,
  made: Fixture,
  run: (runner: ReturnType<Fixture['runner']>) => Promise<unknown>,
): Promise<QueryConfig[]> {
  const seen: QueryConfig[] = [];
  const watched = new Proxy(pool, {
    get(target, key) {
      const own = Reflect.get(target, key) as unknown;
      if (key !== 'connect') return typeof own === 'function' ? own.bind(target) : own;
      return async (): Promise<PoolClient> => {
        const client = await target.connect();
        return new Proxy(client, {
          get(of, name) {
            const value = Reflect.get(of, name) as unknown;
            if (typeof value !== 'function') return value;
            return (...given: unknown[]) => {
              if (name === 'query' && typeof given[0] === 'object') seen.push(given[0] as QueryConfig);
              return (value as (...a: unknown[]) => unknown).apply(of, given);
            };
          },
        });
      };
    },
  });
  await run(made.runner('postgres', { source: watched }));
  return seen;
}

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly Plans?: readonly PlanNode[];
}

async function explain(pool: Pool, statement: QueryConfig): Promise<PlanNode[]> {
  const client = await pool.connect();
  try {
    await client.query('begin read only; set local timezone = utc; set local jit = off');
    const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>({
      text: `explain (analyze, format json) ${statement.text}`,
      values: statement.values ?? [],
    });
    const nodes: PlanNode[] = [];
    const collect = (node: PlanNode): void => {
      nodes.push(node);
      for (const child of node.Plans ?? []) collect(child);
    };
    const plan = rows[0]?.['QUERY PLAN'][0].Plan;
    if (plan !== undefined) collect(plan);
    return nodes;
  } finally {
    await client.query('rollback');
    client.release();
  }
}

/** Resources whose text was read, at most. */
function versionsRead(nodes: readonly PlanNode[]): number {
  const read = nodes.filter((node) => node['Relation Name'] === 'hfj_res_ver');
  expect(read.length).toBeGreaterThan(0);
  return read.reduce((sum, node) => sum + node['Actual Rows'] * node['Actual Loops'], 0);
}

/** Statements that read a page: those with the runner's own frame. */
const isPage = ({ text }: QueryConfig): boolean => text.includes('string_agg(body');

function equality(database: { readonly pool: Pool }, runs: number): void {
  it('gives the same rows with the indexes and without, whatever is asked', async () => {
    const made = await fixture(database.pool);
    const using = made.runner('postgres');
    const plain = withoutIndexes(made);
    const rows = new Map<(typeof VIEWS)[number], Json[]>();
    for (const view of VIEWS) {
      const sample = (await rowsOf(plain, view, searchOf(), 3000)).filter((_, index) => index % 11 === 0);
      if (sample.length > 0) rows.set(view, sample);
    }
    const condition = fc.constantFrom(...rows.keys()).chain((view) =>
      fc.record({
        view: fc.constant(view),
        conditions: fc.array(
          fc
            .record({
              column: fc.constantFrom(...view.plan.columns.filter(({ cast }) => cast !== 'json')),
              operator: fc.constantFrom(...OPERATORS),
              picked: fc.array(fc.constantFrom(...(rows.get(view) ?? [])), { minLength: 1, maxLength: 3 }),
            })
            .map(({ column, operator, picked }) => {
              const values = picked
                .flatMap((row) => [row[column.name]].flat())
                .filter((value) => value !== null && value !== undefined);
              const ordered = column.collection || operator === 'eq' || operator === 'in' || operator === 'ne';
              const usable = column.collection && !['eq', 'in', 'ne'].includes(operator) ? ('eq' as const) : operator;
              return { field: column.name, operator: usable, values: values.map(String).slice(0, ordered ? 3 : 1) };
            })
            .filter(({ values }) => values.length > 0),
          { minLength: 1, maxLength: 2 },
        ),
      }),
    );
    await fc.assert(
      fc.asyncProperty(condition, async ({ view, conditions }) => {
        const search = searchOf({ conditions });
        const [{ rowsJson: a }, { rowsJson: b }] = [await using.execute(view, search), await plain.execute(view, search)];
        if (a !== b) throw new Error(`${a.length} and ${b.length} characters of rows`);
      }),
      { numRuns: runs },
    );
  });
}

describe('the search indexes of the demo database', () => {
  const database = useDatabase('demo');
  equality(database, 80);

  it("find a patient's labs by code and date without a scan of the type", async () => {
    const made = await fixture(database.pool);
    const labs = builtIn('observation_labs');
    const [some] = await rowsOf(withoutIndexes(made), labs, searchOf(), 1);
    const search = where(`patient eq ${some?.['patient_id']}`, `code eq ${some?.['code']}`, 'effective_at ge 2024-01-01');
    const seen = await statements(database.pool, made, async (runner) => {
      // The proofs: nothing else narrows these, so they wait.
      await rowsOf(runner, labs, where(`code eq ${some?.['code']}`));
      await rowsOf(runner, labs, where('effective_at ge 2024-01-01'));
      await rowsOf(runner, labs, search);
    });
    const page = seen.filter(isPage).at(-1) as QueryConfig;
    expect(page.text).toContain('hfj_spidx_token');
    expect(page.text).toContain('hfj_spidx_date');
    const nodes = await explain(database.pool, page);
    expect(nodes.filter((node) => node['Node Type'] === 'Seq Scan' && /^hfj_/.test(node['Relation Name'] ?? ''))).toEqual([]);
    expect(versionsRead(nodes)).toBeLessThan(200);
  });

  it('find one code without a scan of the type', async () => {
    const made = await fixture(database.pool);
    const identified = viewOf('Patient', {
      key: 'getResourceKey()',
      identifiers: { path: 'identifier.value', collection: true },
    });
    const [some] = await rowsOf(withoutIndexes(made), identified, searchOf(), 1);
    const identifier = String([some?.['identifiers']].flat()[0]);
    const seen = await statements(database.pool, made, async (runner) => {
      expect(await rowsOf(runner, identified, where(`identifiers eq ${identifier}`))).toHaveLength(1);
    });
    expect(versionsRead(await explain(database.pool, seen.filter(isPage).at(-1) as QueryConfig))).toBeLessThan(30);
  });
});

describeWithShared('the search indexes of a HAPI server', () => {
  const database = useDatabase('hapi');
  let made: Fixture;
  const labs = builtIn('observation_labs');

  beforeAll(async () => {
    made = await fixture(database.pool);
  });
  equality(database, 60);

  it('are asked for codes and dates', async () => {
    const [some] = await rowsOf(withoutIndexes(made), labs, searchOf(), 1);
    const seen = await statements(database.pool, made, async (runner) => {
      await rowsOf(runner, labs, where(`code eq ${some?.['code']}`));
      await rowsOf(runner, labs, where('effective_at lt 2010-01-01'));
    });
    const pages = seen.filter(isPage).map(({ text }) => [text.includes('hfj_spidx_token'), text.includes('hfj_spidx_date')]);
    expect(pages).toEqual([
      [true, false],
      [false, true],
    ]);
  });

  it('are not believed where they lack a value, hold another one, or were not written', async () => {
    const plain = withoutIndexes(made);
    const all = await rowsOf(plain, labs);
    const code = String(all[0]?.['code']);
    const day = String(all[0]?.['effective_at']).slice(0, 10);
    const searches = [where(`code eq ${code}`), where(`effective_at ge ${day}`, `effective_at lt ${day}T23:59:59Z`)];
    const same = async (): Promise<void> => {
      const runner = made.runner('postgres');
      for (const search of searches) expect(await rowsOf(runner, labs, search)).toEqual(await rowsOf(plain, labs, search));
    };
    const change = (text: string): Promise<unknown> => database.pool.query(text);
    const some = `res_id in (select res_id from hfj_resource where res_type = 'Observation' and res_id % 97 = 0)`;
    // A server that hides an element from one search parameter, a date that is off, a pending index.
    await change(`update hfj_spidx_token set sp_value = 'other', hash_value = 1 where sp_name = 'code' and ${some}`);
    await change(
      `update hfj_spidx_date set sp_value_low = '1900-01-01', sp_value_high = '1900-01-02' where sp_name = 'date' and ${some}`,
    );
    await same();
    await change(`delete from hfj_spidx_token where sp_name = 'code' and ${some}`);
    await change(`delete from hfj_spidx_date where sp_name = 'date' and ${some}`);
    await same();
    await change(`delete from hfj_spidx_token; delete from hfj_spidx_date`);
    await same();
  });

  it('show what was written since the proof, indexed or not', async () => {
    const runner = made.runner('postgres');
    const [some] = await rowsOf(withoutIndexes(made), labs, searchOf(), 1);
    expect(await rowsOf(runner, labs, where('code eq brand-new'))).toEqual([]);
    const client = await database.pool.connect();
    const json = {
      status: 'final',
      category: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'laboratory' }] }],
      code: { coding: [{ system: 'http://loinc.org', code: 'brand-new' }] },
      subject: { reference: `Patient/${some?.['patient_id']}` },
      valueQuantity: { value: 1, unit: 'mg' },
    };
    // Without rows in the search indexes.
    await putResource(client, { type: 'Observation', id: 'brand-new', json: { resourceType: 'Observation', ...json } });
    client.release();
    expect(await rowsOf(runner, labs, where('code eq brand-new'))).toHaveLength(1);
  });
});

describeWithShared('a legacy dump, whose index tables are empty', () => {
  const database = useDatabase('hapi-6.6');
  equality(database, 20);
});
