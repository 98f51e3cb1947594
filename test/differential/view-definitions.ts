import fc, { type Arbitrary } from 'fast-check';
import { RESOURCE_TYPES } from './elements.ts';
import { collectionPath, columnPath, criteria } from './paths.ts';

interface Select {
  readonly forEach?: string;
  readonly forEachOrNull?: string;
  readonly column?: readonly Column[];
  readonly select?: readonly Select[];
  readonly unionAll?: readonly Select[];
}

interface Column {
  readonly name: string;
  readonly path: string;
  readonly type: string;
  readonly collection?: boolean;
}

/** A ViewDefinition over one of the resource types: columns, nested iteration, unions and conditions. */
export function viewDefinition(): Arbitrary<{ resource: string; select: Select[]; where?: { path: string }[] }> {
  return fc.constantFrom(...RESOURCE_TYPES).chain((resource) =>
    fc.record(
      {
        resourceType: fc.constant('ViewDefinition'),
        resource: fc.constant(resource),
        select: fc.array(selectOf(resource, 2), { minLength: 1, maxLength: 2 }).map(renamed),
        where: fc.array(
          criteria(resource, 1).map((path) => ({ path })),
          { minLength: 0, maxLength: 1 },
        ),
      },
      { requiredKeys: ['resource', 'select'] },
    ),
  );
}

function selectOf(type: string, depth: number): Arbitrary<Select> {
  const columns = fc.array(columnOf(type), { minLength: 1, maxLength: 3 });
  const plain = columns.map((column): Select => ({ column }));
  if (depth === 0) return plain;
  const collection = collectionPath(type);
  if (collection === null) return plain;
  const iterating = fc
    .tuple(collection, fc.constantFrom('forEach', 'forEachOrNull'))
    .chain(([path, kind]) =>
      fc
        .tuple(columns, selectOf(path.type, depth - 1))
        .map(([, inner]): Select => ({ [kind]: path.text, select: [inner], column: [rowIndex] })),
    );
  const nested = fc.tuple(columns, selectOf(type, depth - 1)).map(([column, inner]): Select => ({ column, select: [inner] }));
  const union = selectOf(type, depth - 1).map((branch): Select => ({ unionAll: [branch, branch] }));
  return fc.oneof(plain, iterating, iterating, nested, union);
}

const rowIndex: Column = { name: 'index', path: '%rowIndex', type: 'integer' };

/** Mostly columns that cannot fail; now and then one that fails where there are several values: then both back-ends must. */
function columnOf(type: string): Arbitrary<Column> {
  return fc.tuple(columnPath(type), fc.integer({ min: 0, max: 9 })).map(([path, chance]) => ({
    name: 'column',
    path: path.text,
    type: path.type,
    ...(path.many && chance > 0 ? { collection: true } : {}),
  }));
}

/** Gives every column its own name; the branches of a union get the same names. */
function renamed(selects: readonly Select[]): Select[] {
  let next = 0;
  const rename = (select: Select): Select => {
    const column = select.column?.map((given) => ({ ...given, name: `c${next++}` }));
    const inner = select.select?.map(rename);
    const start = next;
    const unionAll = select.unionAll?.map((branch) => {
      next = start;
      return rename(branch);
    });
    return { ...select, ...(column && { column }), ...(inner && { select: inner }), ...(unionAll && { unionAll }) };
  };
  return selects.map(rename);
}
