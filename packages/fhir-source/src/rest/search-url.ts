import { patientElement } from '../resource-types.ts';
import type { Narrowing, TextRequest } from '../text-source.ts';

/** Longer addresses are refused by some servers. */
const MAX_LIST_CHARACTERS = 1500;

/** The first page of `[base]/[type]?…`: only what every server understands is asked for. */
export function searchUrl(base: URL, { resourceType, narrowing = {} }: TextRequest, pageSize: number): URL {
  const url = resolveInBase(base, resourceType);
  const parameters = url.searchParams;
  parameters.set('_count', String(pageSize));
  const ids = list(narrowing.ids);
  if (ids !== null) parameters.set('_id', ids);
  const patients = patientElement(resourceType) === null ? null : list(narrowing.patients);
  if (patients !== null) parameters.set('patient', patients);
  for (const bound of bounds(narrowing)) parameters.append('_lastUpdated', bound);
  return url;
}

function* bounds({ updated = [] }: Narrowing): Generator<string> {
  for (const { from, to } of updated) {
    if (from !== undefined) yield `ge${from}`;
    if (to !== undefined && to !== 'infinity') yield `lt${to}`;
  }
}

/** Null: not worth asking for, or too long. */
function list(ids: readonly string[] | undefined): string | null {
  const text = ids?.join(',') ?? '';
  return text === '' || text.length > MAX_LIST_CHARACTERS ? null : text;
}

/**
 * The address of a next link. What begins with `?` or `/` is relative to the page, as on the web; anything else to the base, as
 * FHIR's relative URLs are. Null if it is no address of http(s).
 */
export function nextUrl(base: URL, page: URL, link: string): URL | null {
  try {
    const url = /^[?/]/.test(link) ? new URL(link, page) : resolveInBase(base, link);
    return url.protocol === 'http:' || url.protocol === 'https:' ? url : null;
  } catch {
    return null;
  }
}

export function resolveInBase(base: URL, path: string): URL {
  const folder = new URL(base);
  folder.pathname = `${folder.pathname.replace(/\/+$/, '')}/`;
  folder.search = '';
  folder.hash = '';
  return new URL(path, folder);
}
