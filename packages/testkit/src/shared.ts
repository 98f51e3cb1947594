import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { describe } from 'vitest';
import { leaveOut } from './run-context.ts';

const beside = fileURLToPath(new URL('../../../../shared', import.meta.url));

/** The folder with the dumps, the conformance tests and the Synthea data: VIEWMILL_SHARED, else `shared` beside the project. */
export function sharedDir(): string | null {
  const folder = process.env.VIEWMILL_SHARED ?? beside;
  return existsSync(join(folder, 'conformance')) ? folder : null;
}

/** A path in the shared folder. @throws Error if there is no such folder. */
export function sharedPath(...parts: readonly string[]): string {
  const folder = sharedDir();
  if (folder === null)
    throw new Error(`the shared test data is missing: ${process.env.VIEWMILL_SHARED ?? '../shared'}; see describeWithShared`);
  return join(folder, ...parts);
}

/** `describe` for tests that need the shared folder: skipped by name without it, an error in CI. */
export function describeWithShared(name: string, tests: (folder: string) => void): void {
  const folder = sharedDir();
  if (folder === null) {
    leaveOut(name, 'no ../shared');
    describe.skip(`${name} [no ../shared]`, () => tests(''));
    return;
  }
  describe(name, () => tests(folder));
}

/** A FHIR resource as JSON.parse gives it. */
export type JsonResource = { readonly resourceType: string; readonly id?: string } & Readonly<Record<string, unknown>>;

/** All resources of a type of the Synthea data, parsed; numbers are JavaScript numbers. */
export function ndjson(resourceType: string): readonly JsonResource[] {
  return ndjsonLines(resourceType).map((line) => JSON.parse(line) as JsonResource);
}

/** The same as texts, byte for byte: `4.10` stays `4.10`. */
export function ndjsonLines(resourceType: string): readonly string[] {
  const text = gunzipSync(readFileSync(sharedPath('data', 'synthea', `${resourceType}.ndjson.gz`))).toString('utf8');
  return text.split('\n').filter((line) => line !== '');
}
