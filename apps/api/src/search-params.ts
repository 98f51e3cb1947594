import { type Condition, type Search, searchSchema, ViewmillError } from '@viewmill/contracts';

const OPERATORS = new Set(['eq', 'ne', 'gt', 'ge', 'lt', 'le', 'in']);
const PREFIX = /^(eq|ne|gt|ge|lt|le)(?=\d)/;

/**
 * Query string → search. `column=value`, `column:ge=value`, `column:in=a,b` (a comma within a value is `\,`);
 * repeating a parameter means and. `_lastUpdated` also takes FHIR's prefixes (`_lastUpdated=ge2024-01-01`, FHIR R4 §3.1.1.4.1).
 * `_sort=-date,name`, `_count=100` (or `limit`), `cursor`.
 * @throws ViewmillError VM2009 that names the parameter.
 */
export function searchOfQuery(query: Readonly<Record<string, unknown>>): Search {
  const conditions: Condition[] = [];
  let limit: number | null = null;
  let cursor: string | null = null;
  const sort: { field: string; descending: boolean }[] = [];
  for (const [name, given] of Object.entries(query)) {
    for (const value of Array.isArray(given) ? given.map(String) : [String(given)]) {
      if (name === '_format') continue;
      if (name === '_count' || name === 'limit') limit = countOf(name, value);
      else if (name === 'cursor' || name === '_cursor') cursor = value;
      else if (name === 'freshness') continue;
      else if (name === '_sort') sort.push(...sortOf(value));
      else conditions.push(conditionOf(name, value));
    }
  }
  return searchSchema.parse({ conditions, sort, limit, cursor });
}

function countOf(name: string, value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new ViewmillError('VM2009', `${name} must be a number of rows`, { at: name });
  return Number(value);
}

function sortOf(value: string): { field: string; descending: boolean }[] {
  return value
    .split(',')
    .filter((field) => field !== '')
    .map((field) => (field.startsWith('-') ? { field: field.slice(1), descending: true } : { field, descending: false }));
}

function conditionOf(name: string, value: string): Condition {
  const colon = name.indexOf(':');
  const field = colon < 0 ? name : name.slice(0, colon);
  if (colon >= 0) {
    const operator = name.slice(colon + 1);
    if (!OPERATORS.has(operator)) {
      throw new ViewmillError('VM2009', `the modifier after the colon must be one of ${[...OPERATORS].join(', ')}`, {
        at: field,
      });
    }
    return { field, operator: operator as Condition['operator'], values: operator === 'in' ? splitList(value) : [value] };
  }
  const prefix = field === '_lastUpdated' ? PREFIX.exec(value)?.[1] : undefined;
  if (prefix !== undefined) return { field, operator: prefix as Condition['operator'], values: [value.slice(2)] };
  return { field, operator: 'eq', values: [value] };
}

function splitList(value: string): string[] {
  return value.split(/(?<!\\),/).map((part) => part.replaceAll('\\,', ','));
}
