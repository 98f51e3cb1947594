import type { SystemType, ValueType } from '@viewmill/fhirpath';
import type { Cast } from './plan.ts';

/** How a column is stored: the cast of an item and the item's PostgreSQL type. */
export interface Storage {
  readonly cast: Cast;
  readonly sqlType: string;
}

const DEFAULTS: ReadonlyMap<string, Storage> = new Map([
  ['boolean', { cast: 'boolean', sqlType: 'boolean' }],
  ['integer', { cast: 'integer', sqlType: 'integer' }],
  ['positiveInt', { cast: 'integer', sqlType: 'integer' }],
  ['unsignedInt', { cast: 'integer', sqlType: 'integer' }],
  ['integer64', { cast: 'bigint', sqlType: 'bigint' }],
  ['decimal', { cast: 'numeric', sqlType: 'numeric' }],
  ['instant', { cast: 'timestamptz', sqlType: 'timestamp with time zone' }],
]);

const TEXT: Storage = { cast: 'text', sqlType: 'text' };
const JSONB: Storage = { cast: 'json', sqlType: 'jsonb' };

/** The storage of a FHIR type without a tag. A type that is not known (an always empty column) is text. */
export function defaultStorage(type: ValueType): Storage {
  if (type.system === null) return type.fhir === 'unknown' ? TEXT : JSONB;
  return DEFAULTS.get(type.fhir) ?? TEXT;
}

interface AnsiType {
  readonly pattern: RegExp;
  readonly storage: (match: RegExpExecArray) => Storage | undefined;
  /** The System classes whose values can be cast so; undefined: every primitive. */
  readonly from?: readonly SystemType[];
  readonly fhir?: string;
}

const fixed = (cast: Cast, sqlType: string) => (): Storage => ({ cast, sqlType });

/** ISO/IEC 9075 type names, upper case with single spaces. */
const ANSI_TYPES: readonly AnsiType[] = [
  { pattern: /^(?:CHARACTER VARYING|CHAR VARYING|VARCHAR|CHARACTER|CHAR|TEXT)(?: ?\( ?\d+ ?\))?$/u, storage: () => TEXT },
  { pattern: /^BOOLEAN$/u, storage: fixed('boolean', 'boolean'), from: ['Boolean'] },
  { pattern: /^SMALLINT$/u, storage: fixed('smallint', 'smallint'), from: ['Integer'] },
  { pattern: /^(?:INT|INTEGER)$/u, storage: fixed('integer', 'integer'), from: ['Integer'] },
  { pattern: /^BIGINT$/u, storage: fixed('bigint', 'bigint'), from: ['Integer'] },
  { pattern: /^(?:DECIMAL|DEC|NUMERIC)(?: ?\( ?(\d+) ?(?:, ?(\d+) ?)?\))?$/u, storage: numeric, from: ['Integer', 'Decimal'] },
  {
    pattern: /^(?:REAL|FLOAT(?: ?\( ?\d+ ?\))?|DOUBLE PRECISION)$/u,
    storage: fixed('float8', 'double precision'),
    from: ['Integer', 'Decimal'],
  },
  { pattern: /^DATE$/u, storage: fixed('date', 'date'), from: ['Date', 'DateTime'] },
  { pattern: /^TIME(?: WITHOUT TIME ZONE)?$/u, storage: fixed('time', 'time'), from: ['Time'] },
  { pattern: /^TIMESTAMP(?: WITHOUT TIME ZONE)?$/u, storage: fixed('timestamp', 'timestamp'), from: ['Date', 'DateTime'] },
  {
    pattern: /^TIMESTAMP WITH TIME ZONE$/u,
    storage: fixed('timestamptz', 'timestamp with time zone'),
    from: ['Date', 'DateTime'],
  },
  {
    pattern: /^(?:BINARY|BINARY VARYING|VARBINARY|BINARY LARGE OBJECT|BLOB)(?: ?\( ?\d+ ?\))?$/u,
    storage: fixed('bytea', 'bytea'),
    from: ['String'],
    fhir: 'base64Binary',
  },
];

function numeric(match: RegExpExecArray): Storage | undefined {
  const [, precision, scale] = match;
  if (precision === undefined) return { cast: 'numeric', sqlType: 'numeric' };
  if (Number(precision) < 1 || Number(precision) > 1000 || Number(scale ?? 0) > Number(precision)) return undefined;
  return { cast: 'numeric', sqlType: `numeric(${Number(precision)},${Number(scale ?? 0)})` };
}

/** The storage that a tag `ansi/type` asks for, or a sentence why it cannot be had for values of the type. */
export function ansiStorage(tag: string, type: ValueType): Storage | string {
  const name = tag.trim().replace(/\s+/gu, ' ').toUpperCase();
  for (const { pattern, storage, from, fhir } of ANSI_TYPES) {
    const match = pattern.exec(name);
    if (match === null) continue;
    const found = storage(match);
    if (found === undefined) return `${name} has an impossible precision or scale`;
    if (type.fhir === 'unknown') return found;
    const fits =
      type.system !== null && (from === undefined || from.includes(type.system)) && (fhir === undefined || type.fhir === fhir);
    return fits ? found : `a ${type.fhir} cannot be stored as ${name}`;
  }
  return `the SQL type ${name} is not supported`;
}
