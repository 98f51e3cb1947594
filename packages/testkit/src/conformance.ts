import { readdirSync, readFileSync } from 'node:fs';
import { parse, stringify } from 'lossless-json';
import { type JsonResource, sharedPath } from './shared.ts';

/** A file of the SQL on FHIR v2 test suite. */
export interface ConformanceSuite {
  readonly file: string;
  readonly title: string;
  readonly resources: readonly JsonResource[];
  /** The resources as JSON texts, digit for digit: `1.0` is not `1` to lowBoundary(). In the order of `resources`. */
  readonly texts: readonly string[];
  readonly tests: readonly ConformanceTest[];
}

export interface ConformanceTest {
  readonly title: string;
  readonly tags: readonly string[];
  /** The ViewDefinition, as it stands in the file. */
  readonly view: Readonly<Record<string, unknown>>;
  readonly expect?: readonly Row[];
  readonly expectColumns?: readonly string[];
  readonly expectCount?: number;
  readonly expectError?: boolean;
}

export type Row = Readonly<Record<string, unknown>>;

/** The files of the suite, in the order of their names. @throws Error without the shared folder. */
export function conformanceSuites(): readonly ConformanceSuite[] {
  const folder = sharedPath('conformance', 'sql-on-fhir-v2');
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => {
      const content = readFileSync(`${folder}/${file}`, 'utf8');
      const { title, resources, tests } = JSON.parse(content) as Omit<ConformanceSuite, 'tests'> & {
        readonly tests: readonly (Omit<ConformanceTest, 'tags'> & { readonly tags?: readonly string[] })[];
      };
      const exact = parse(content) as { readonly resources: readonly unknown[] };
      const texts = exact.resources.map((resource) => stringify(resource) ?? '');
      return { file, title, resources, texts, tests: tests.map((test) => ({ ...test, tags: test.tags ?? [] })) };
    });
}

/**
 * Compares rows with what a test expects: the order of rows is free, a missing value is null, values keep their JSON type
 * (`1` is not `'1'`), numbers are compared as numbers, columns are in the order of `expectColumns`.
 * @returns null if they agree, else what differs (a test's data is no secret: values are shown).
 */
export function compareRows(actual: readonly Row[], test: ConformanceTest): string | null {
  if (test.expectError === true) return `an error was expected, got ${actual.length} rows`;
  if (test.expectCount !== undefined && actual.length !== test.expectCount)
    return `expected ${test.expectCount} rows, got ${actual.length}`;
  return compareColumns(actual, test.expectColumns) ?? (test.expect === undefined ? null : compareContent(actual, test.expect));
}

function compareColumns(actual: readonly Row[], columns: readonly string[] | undefined): string | null {
  if (columns === undefined) return null;
  const expected = columns.join(', ');
  const wrong = actual.map((row) => Object.keys(row).join(', ')).find((found) => found !== expected);
  return wrong === undefined ? null : `expected the columns ${expected}, got ${wrong}`;
}

/** Both sides as bags of rows: equal rows count as often as they occur. */
function compareContent(actual: readonly Row[], expected: readonly Row[]): string | null {
  const open = new Map<string, number>();
  for (const row of expected) {
    const text = canonical(row);
    open.set(text, (open.get(text) ?? 0) + 1);
  }
  const surplus: string[] = [];
  for (const row of actual) {
    const text = canonical(row);
    const count = open.get(text) ?? 0;
    if (count === 0) surplus.push(text);
    else open.set(text, count - 1);
  }
  const missing = [...open].flatMap(([text, count]) => Array.from({ length: count }, () => text));
  if (missing.length === 0 && surplus.length === 0) return null;
  return [...missing.map((text) => `missing ${text}`), ...surplus.map((text) => `not expected ${text}`)].join('\n');
}

/** A text that is equal for equal rows: null and absent columns dropped, keys in order; JSON writes 1.0 and 1 alike. */
function canonical(row: Row): string {
  return JSON.stringify(sorted(row, true));
}

function sorted(value: unknown, top = false): unknown {
  if (Array.isArray(value)) return value.map((item) => sorted(item));
  if (typeof value === 'bigint') return Number(value);
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? 0 : value;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined && !(top && item === null));
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => [key, sorted(item)]));
}
