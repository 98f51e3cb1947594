import { createRequire } from 'node:module';
import { compileRows, parseResource, rowsOf, rowToJson } from '@viewmill/backend-js';
import { describeWithShared, ndjsonLines, useDatabase } from '@viewmill/testkit';
import { compileView } from '@viewmill/views';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { RESOURCE_TYPES } from './elements.ts';
import { loadResources, runJs, runSql } from './engines.ts';
import { columnPath, type GeneratedPath } from './paths.ts';
import { SEEDS } from './seeds.ts';
import { viewDefinition } from './view-definitions.ts';

/** Few resources and many views: what differs is found in the shape of a view, not in the hundredth Observation. */
const RESOURCES = 60;
const VIEWS = Number(process.env['DIFFERENTIAL_VIEWS'] ?? 150);
const PATHS = Number(process.env['DIFFERENTIAL_PATHS'] ?? 400);

const fhirpath = createRequire(import.meta.url)('fhirpath') as {
  evaluate: (resource: unknown, path: string, env: unknown, model: unknown) => unknown[];
};
const r4: unknown = createRequire(import.meta.url)('fhirpath/fhir-context/r4');

describeWithShared('three engines agree on generated views over Synthea', () => {
  const database = useDatabase('empty');
  const lines: Record<string, readonly string[]> = {};

  beforeAll(async () => {
    for (const type of RESOURCE_TYPES) {
      const all = ndjsonLines(type);
      // Spread over the file: neighbours belong to one patient and look alike.
      const step = Math.max(1, Math.floor(all.length / RESOURCES));
      lines[type] = all.filter((_, index) => index % step === 0).slice(0, RESOURCES);
      await loadResources(database.pool, type, lines[type] ?? []);
    }
  });

  async function agree(definition: unknown): Promise<void> {
    const plan = compileView(definition);
    const js = runJs(lines[plan.resource] ?? [], plan);
    const sql = await runSql(database.pool, plan);
    expect(sql, JSON.stringify(definition)).toEqual(js);
  }

  it(`SQL and JavaScript give equal rows for ${VIEWS} views`, async () => {
    await fc.assert(fc.asyncProperty(viewDefinition(), agree), { numRuns: VIEWS, ...seed() });
  });

  describe('views that once differed', () => {
    it.each(SEEDS.map((definition) => [JSON.stringify(definition).slice(0, 80), definition] as const))('%s', (_, definition) =>
      agree(definition),
    );
  });

  it(`JavaScript agrees with fhirpath.js on ${PATHS} paths`, () => {
    const property = fc.property(
      fc
        .constantFrom(...RESOURCE_TYPES)
        .chain((resource) => fc.tuple(fc.constant(resource), columnPath(resource), fc.nat(RESOURCES - 1))),
      ([resource, path, index]) => {
        const line = lines[resource]?.[index];
        if (line === undefined) return;
        expect(ours(resource, path, line), path.text).toEqual(
          theirs(path, line).map((value) => (typeof value === 'number' ? nearly(value) : value)),
        );
      },
    );
    fc.assert(property, { numRuns: PATHS, ...seed() });
  });
});

/** The same views on every run, so that a failure is about the change at hand; DIFFERENTIAL_SEED=random looks further. */
function seed(): { seed?: number } {
  const given = process.env['DIFFERENTIAL_SEED'] ?? '20261123';
  return given === 'random' ? {} : { seed: Number(given) };
}

function ours(resource: string, path: GeneratedPath, line: string): unknown[] {
  const plan = compileView({
    resource,
    select: [{ column: [{ name: 'c', path: path.text, type: path.type, collection: true, tag: textTag(path) }] }],
  });
  const row = rowsOf(compileRows(plan), parseResource(line, { decimals: plan.needs.decimals }))[0];
  const value = row === undefined ? null : rowToJson(plan, row)['c'];
  return comparable(value === null || value === undefined ? [] : (value as unknown[]));
}

/** instant would become a timestamp; the oracle gives the text as written. */
function textTag(path: GeneratedPath): { name: string; value: string }[] {
  return path.type === 'instant' ? [{ name: 'ansi/type', value: 'VARCHAR' }] : [];
}

function theirs(path: GeneratedPath, line: string): unknown[] {
  const values = fhirpath.evaluate(JSON.parse(line), path.text, {}, r4);
  // The conformance tests want '' for a join of nothing; FHIRPath says empty.
  return comparable(values.length === 0 && path.text.includes('.join(') ? [''] : values);
}

/** fhirpath.js cuts decimals to the 8 places that FHIRPath guarantees; ours keep more. */
function nearly(value: number): unknown {
  return expect.closeTo(value, 7);
}

/** Numbers as numbers, everything else as text. */
function comparable(values: readonly unknown[]): unknown[] {
  return values.map((value) => {
    if (typeof value === 'boolean' || typeof value === 'string') return value;
    const number = Number(String(value));
    return Number.isNaN(number) ? String(value) : number;
  });
}
