import { readdirSync, readFileSync } from 'node:fs';
import { describeWithShared, sharedDir, sharedPath } from '@viewmill/testkit';
import { compileView } from '@viewmill/views';
import { parse, stringify } from 'lossless-json';
import { describe, expect, it } from 'vitest';
import { compileRows, parseResource, rowsOf, rowToJson } from '../src/index.ts';

interface Suite {
  readonly resources: readonly { readonly resourceType: string }[];
  readonly tests: readonly Test[];
}

interface Test {
  readonly title: string;
  readonly view: unknown;
  readonly expect?: readonly Readonly<Record<string, unknown>>[];
  readonly expectColumns?: readonly string[];
  readonly expectCount?: number;
  readonly expectError?: boolean;
}

/** Read with exact digits: `1.0` is not `1` to lowBoundary(). */
describeWithShared('SQL on FHIR v2 on the JavaScript back-end', () => {
  if (sharedDir() === null) return;
  const folder = sharedPath('conformance', 'sql-on-fhir-v2');
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.json'))) {
    const text = readFileSync(`${folder}/${file}`, 'utf8');
    const { tests } = JSON.parse(text) as Suite;
    const resources = (parse(text) as Suite).resources.map((resource) => stringify(resource) ?? '');
    describe(file, () => {
      for (const test of tests) it(test.title, () => check(test, resources));
    });
  }
});

function check(test: Test, resources: readonly string[]): void {
  if (test.expectError === true) {
    expect(() => run(test.view, resources)).toThrow();
    return;
  }
  const { rows, columns } = run(test.view, resources);
  if (test.expectColumns !== undefined) expect(columns).toEqual(test.expectColumns);
  if (test.expectCount !== undefined) expect(rows).toHaveLength(test.expectCount);
  if (test.expect !== undefined) expect(canonical(rows)).toEqual(canonical(test.expect));
}

function run(view: unknown, resources: readonly string[]) {
  const plan = compileView(view);
  const rowFunction = compileRows(plan);
  const rows = resources.flatMap((text) =>
    rowsOf(rowFunction, parseResource(text, plan.needs)).map((row) => rowToJson(plan, row)),
  );
  return { rows, columns: plan.columns.map(({ name }) => name) };
}

/** Rows in any order; a missing column is null; the order of properties does not count. */
function canonical(rows: readonly Readonly<Record<string, unknown>>[]): readonly string[] {
  return rows.map((row) => stringify(sorted(row)) ?? '').sort();
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null || value.constructor !== Object) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== null)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sorted(item)]),
  );
}
