import { type RowFormat, type Search, ViewmillError } from '@viewmill/contracts';

export const CONTENT_TYPES: Readonly<Record<RowFormat, string>> = {
  json: 'application/json; charset=utf-8',
  ndjson: 'application/x-ndjson; charset=utf-8',
  csv: 'text/csv; charset=utf-8; header=present',
};

const NAMES: ReadonlyMap<string, RowFormat> = new Map([
  ['json', 'json'],
  ['application/json', 'json'],
  ['*/*', 'json'],
  ['application/*', 'json'],
  ['ndjson', 'ndjson'],
  ['application/x-ndjson', 'ndjson'],
  ['application/ndjson', 'ndjson'],
  ['csv', 'csv'],
  ['text/csv', 'csv'],
]);

/**
 * The format of rows that `_format` names, else the first one of `Accept` that is known (in the order written; weights are not heeded).
 * @throws ViewmillError VM2012 for a `_format` that is none.
 */
export function formatOf(query: unknown, accept: string | undefined): RowFormat {
  const asked = (query as { readonly _format?: unknown } | null)?._format;
  if (asked !== undefined) {
    const format = NAMES.get(mediaType(String(asked)));
    if (format === undefined) throw new ViewmillError('VM2012', '_format must be json, ndjson or csv', { at: '_format' });
    return format;
  }
  for (const type of (accept ?? '').split(',')) {
    const format = NAMES.get(mediaType(type));
    if (format !== undefined) return format;
  }
  return 'json';
}

function mediaType(text: string): string {
  return (text.split(';')[0] ?? '').trim().toLowerCase();
}

/** Rows of a page, at most, that are answered in one piece. */
const PAGE_ROWS = 1000;

/** Whether the rows may be so many that they are passed on while they are read. */
export function isStreamed(format: RowFormat, search: Search): boolean {
  return format !== 'json' || !isSmall(search);
}

export function isSmall({ limit }: Search): boolean {
  return limit !== null && limit <= PAGE_ROWS;
}
