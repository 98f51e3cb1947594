import type { HapiLayout } from './layout.ts';
import { searchHash } from './search-hash.ts';
import { SEARCH_PARAMETERS } from './search-parameters.ts';

/** What one of HAPI's search indexes should hold of an element, by the standard search parameters. `readIndexCoverage` finds out whether it does. */
export interface IndexedElement {
  readonly resourceType: string;
  /** Name of the search parameter. */
  readonly parameter: string;
  /** `code`: codes and identifiers' values; `system`: their systems; `date`: dates, times and both ends of periods. */
  readonly kind: 'code' | 'system' | 'date';
  /** `hash_identity` of the index rows. */
  readonly identity: string;
}

/** Where a token's code and system are, below the element: CodeableConcept; Coding; Identifier or ContactPoint; a primitive. */
const TOKEN_PARTS: Readonly<Record<string, 'code' | 'system'>> = {
  '': 'code',
  code: 'code',
  value: 'code',
  'coding.code': 'code',
  system: 'system',
  'coding.system': 'system',
};

const DATE_PARTS = new Set(['', 'start', 'end']);

/**
 * The index for the values at a path of JSON keys, such as `code`, `coding`, `code` of an Observation.
 * @returns null if no standard search parameter of R4 is made of that path, or the database has no such index.
 */
export function findIndexedElement(layout: HapiLayout, resourceType: string, path: readonly string[]): IndexedElement | null {
  // Of the type's own keys only: a resource type comes from a ViewDefinition.
  const entries = Object.hasOwn(SEARCH_PARAMETERS, resourceType) ? (SEARCH_PARAMETERS[resourceType] ?? '').split(' ') : [];
  for (let length = path.length; length > 0; length--) {
    const element = path.slice(0, length).join('.');
    const part = path.slice(length).join('.');
    const tokenPart = Object.hasOwn(TOKEN_PARTS, part) ? TOKEN_PARTS[part] : undefined;
    if (layout.tokenIndex && tokenPart !== undefined) {
      const parameter = named(entries, `${element}:`);
      if (parameter !== null) return indexed(resourceType, parameter, tokenPart);
    }
    if (layout.dateIndex && DATE_PARTS.has(part)) {
      const parameter = named(entries, `${element}@`);
      if (parameter !== null) return indexed(resourceType, parameter, 'date');
    }
  }
  return null;
}

function named(entries: readonly string[], prefix: string): string | null {
  return entries.find((entry) => entry.startsWith(prefix))?.slice(prefix.length) ?? null;
}

function indexed(resourceType: string, parameter: string, kind: IndexedElement['kind']): IndexedElement {
  return { resourceType, parameter, kind, identity: searchHash(resourceType, parameter) };
}
