import fc, { type Arbitrary } from 'fast-check';
import { ELEMENTS, type Sort, sortOf } from './elements.ts';

/** A generated FHIRPath: its text, the FHIR type of its items, and whether it may give several. */
export interface GeneratedPath {
  readonly text: string;
  readonly type: string;
  readonly many: boolean;
}

const MAX_STEPS = 4;
const LITERALS: Readonly<Record<Exclude<Sort, 'complex'>, Arbitrary<string>>> = {
  string: fc.constantFrom(
    "'official'",
    "'final'",
    "'http://loinc.org'",
    "'8302-2'",
    "'vital-signs'",
    "'home'",
    "'cm'",
    "''",
    "'it\\'s'",
    "'é😀'",
  ),
  boolean: fc.constantFrom('true', 'false'),
  number: fc.constantFrom('0', '1', '100', '-2.5', '4.10', '0.1', '120.0'),
  temporal: fc.constantFrom(
    '@2010',
    '@1980-05',
    '@2012-01-31',
    '@2011-10-14T23:37:54Z',
    '@2015-03-01T10:00:00.5+02:00',
    '@2018-06-30T12:00',
  ),
};

/** Walks from a type to an element of one of the sorts. Null when there is none within reach. */
function walk(from: string, sorts: ReadonlySet<Sort>, steps: number): Arbitrary<GeneratedPath> | null {
  const options: Arbitrary<GeneratedPath>[] = [];
  for (const [name, [type, many]] of Object.entries(ELEMENTS[from] ?? {})) {
    const here = { text: name, type, many: many === 'many' };
    if (sorts.has(sortOf(type))) options.push(step(here, type));
    if (sortOf(type) !== 'complex' || steps <= 1) continue;
    const further = walk(type, sorts, steps - 1);
    if (further === null) continue;
    options.push(
      fc.tuple(step(here, type), further).map(([head, tail]) => ({
        text: `${head.text}.${tail.text}`,
        type: tail.type,
        many: head.many || tail.many,
      })),
    );
  }
  return options.length === 0 ? null : fc.oneof(...options);
}

/** A step, sometimes with a filter, an index or first() behind it. */
function step(path: GeneratedPath, type: string): Arbitrary<GeneratedPath> {
  if (!path.many) return fc.constant(path);
  const plain = fc.constant(path);
  const first = fc.constant({ ...path, text: `${path.text}.first()`, many: false });
  const index = fc.integer({ min: 0, max: 2 }).map((n) => ({ ...path, text: `${path.text}[${n}]`, many: false }));
  const options = [plain, plain, first, index];
  if (sortOf(type) === 'complex')
    options.push(simpleCriteria(type).map((criteria) => ({ ...path, text: `${path.text}.where(${criteria})` })));
  return fc.oneof(...options);
}

/** A criteria without further nesting, for filters inside of paths. */
function simpleCriteria(type: string): Arbitrary<string> {
  const elements = Object.entries(ELEMENTS[type] ?? {}).filter(
    ([, [elementType, many]]) => sortOf(elementType) !== 'complex' && many === undefined,
  );
  if (elements.length === 0) return fc.constant('$this.exists()');
  return fc.constantFrom(...elements).chain(([name, [elementType]]) =>
    fc.oneof(
      LITERALS[sortOf(elementType) as Exclude<Sort, 'complex'>].map((literal) => `${name} = ${literal}`),
      LITERALS[sortOf(elementType) as Exclude<Sort, 'complex'>].map((literal) => `${name} != ${literal}`),
      fc.constantFrom(`${name}.exists()`, `${name}.empty()`),
    ),
  );
}

const PRIMITIVE = new Set<Sort>(['string', 'boolean', 'number', 'temporal']);

export function primitivePath(from: string): Arbitrary<GeneratedPath> {
  return walk(from, PRIMITIVE, MAX_STEPS) ?? fc.constant({ text: "'none'", type: 'string', many: false });
}

export function collectionPath(from: string): Arbitrary<GeneratedPath> | null {
  return walk(from, new Set<Sort>(['complex']), 2);
}

function singlePath(from: string, sort: Sort): Arbitrary<GeneratedPath> | null {
  const path = walk(from, new Set([sort]), MAX_STEPS);
  return path === null
    ? null
    : path.map((given) => (given.many ? { ...given, text: `${given.text}.first()`, many: false } : given));
}

/** A Boolean expression over a type, three-valued, nested to a depth. */
export function criteria(from: string, depth: number): Arbitrary<string> {
  const leaves: Arbitrary<string>[] = [
    primitivePath(from).map(({ text }) => `${text}.exists()`),
    primitivePath(from).map(({ text }) => `${text}.empty()`),
  ];
  for (const sort of ['string', 'number', 'temporal', 'boolean'] as const) {
    const path = singlePath(from, sort);
    if (path === null) continue;
    const operators = sort === 'boolean' ? ['=', '!='] : ['=', '!=', '<', '<=', '>', '>='];
    const operand = sort === 'number' ? fc.oneof(LITERALS.number, arithmetic(path)) : LITERALS[sort];
    leaves.push(
      fc
        .tuple(path, fc.constantFrom(...operators), operand)
        .map(([left, operator, right]) => `${left.text} ${operator} ${right}`),
    );
    leaves.push(
      fc
        .tuple(path, fc.constantFrom(...operators), path)
        .map(([left, operator, right]) => `${left.text} ${operator} ${right.text}`),
    );
  }
  const leaf = fc.oneof(...leaves);
  if (depth === 0) return leaf;
  const inner = criteria(from, depth - 1);
  return fc.oneof(
    leaf,
    fc
      .tuple(inner, fc.constantFrom('and', 'or', 'xor', 'implies'), inner)
      .map(([left, operator, right]) => `(${left}) ${operator} (${right})`),
    inner.map((text) => `(${text}).not()`),
  );
}

function arithmetic(path: Arbitrary<GeneratedPath>): Arbitrary<string> {
  return fc
    .tuple(
      path,
      fc.constantFrom('+', '-', '*', '/', 'div', 'mod'),
      fc.oneof(
        LITERALS.number,
        path.map(({ text }) => text),
      ),
    )
    .map(([left, operator, right]) => `(${left.text} ${operator} ${right})`);
}

/** Any expression that a column can have, with its FHIR type; `many` asks for `collection: true`. */
export function columnPath(from: string): Arbitrary<GeneratedPath> {
  const options: Arbitrary<GeneratedPath>[] = [
    primitivePath(from),
    primitivePath(from),
    criteria(from, 1).map((text) => ({ text, type: 'boolean', many: false })),
  ];
  const strings = walk(from, new Set<Sort>(['string']), MAX_STEPS);
  if (strings !== null) options.push(strings.map(({ text }) => ({ text: `${text}.join('|')`, type: 'string', many: false })));
  const number = singlePath(from, 'number');
  if (number !== null) {
    options.push(arithmetic(number).map((text) => ({ text, type: 'decimal', many: false })));
    options.push(
      number
        .filter(({ type }) => type === 'decimal')
        .map(({ text }) => ({ text: `${text}.lowBoundary()`, type: 'decimal', many: false })),
    );
  }
  const temporal = singlePath(from, 'temporal');
  if (temporal !== null) {
    options.push(
      fc
        .tuple(temporal, fc.constantFrom('lowBoundary', 'highBoundary'))
        .map(([path, name]) => ({ ...path, text: `${path.text}.${name}()` })),
    );
  }
  return fc.oneof(...options);
}
