import type { SelectPlan } from '@viewmill/views';
import { describe, expect, it } from 'vitest';
import { compileRows, parseResource, rowsOf } from '../src/index.ts';
import * as n from './nodes.ts';

const PATIENT = parseResource(
  `{"resourceType":"Patient","id":"p1","name":[{"family":"A","given":["a1","a2"]},{"family":"B"}],"phone":["1","2"],
    "item":[{"id":"1","item":[{"id":"1.1","item":[{"id":"1.1.1"}]},{"id":"1.2"}]},{"id":"2","answer":[{"item":[{"id":"2.a"}]}]}]}`,
  { decimals: false },
);
const COLUMNS = ['a', 'b', 'c', 'd'].map((name) => n.column(name));

/** The first `width` columns of every row. */
function rows(selects: readonly SelectPlan[], width: number, rest: Parameters<typeof n.plan>[2] = {}) {
  return rowsOf(compileRows(n.plan(COLUMNS, selects, rest)), PATIENT).map((row) => row.slice(0, width));
}

describe('rows', () => {
  it('cross joins siblings, the first varies slowest; columns of the resource stay', () => {
    const found = rows(
      [
        n.select([n.value(1, n.path('family'))], { iterate: n.forEach('name*') }),
        n.select([n.value(0, n.path('id'))]),
        n.select([n.value(2, n.focus)], { iterate: n.forEach('phone*') }),
      ],
      3,
    );
    expect(found).toEqual([
      ['p1', 'A', '1'],
      ['p1', 'A', '2'],
      ['p1', 'B', '1'],
      ['p1', 'B', '2'],
    ]);
  });

  it('gives no row for a forEach without items, whatever its siblings have', () => {
    expect(rows([n.select([n.value(0, n.path('id'))]), n.select([], { iterate: n.forEach('nothing*') })], 1)).toEqual([]);
  });

  it('nests, with an index for each level', () => {
    const given = n.select([n.value(2, n.focus), n.value(3, n.rowIndex)], { iterate: n.forEachOrNull('given*') });
    const found = rows(
      [n.select([n.value(0, n.path('family')), n.value(1, n.rowIndex)], { iterate: n.forEach('name*'), selects: [given] })],
      4,
    );
    expect(found).toEqual([
      ['A', '0', 'a1', '0'],
      ['A', '0', 'a2', '1'],
      ['B', '1', null, 0],
    ]);
  });

  it('forEachOrNull without items: one row, nulls below at every depth, then the siblings go on', () => {
    const inner = n.select([n.value(1, n.concat(n.text('x'), n.text('y')))], {
      unionAll: [n.select([n.value(2, n.path('id'))])],
    });
    const found = rows(
      [
        n.select([n.value(0, n.rowIndex)], { iterate: n.forEachOrNull('nothing*'), selects: [inner] }),
        n.select([n.value(3, n.focus)], { iterate: n.forEach('phone*') }),
      ],
      4,
    );
    expect(found).toEqual([
      [0, null, null, '1'],
      [0, null, null, '2'],
    ]);
  });

  it('unionAll: branch after branch, the slots of one branch never show in another', () => {
    const union = [
      n.select([n.value(1, n.path('family')), n.value(2, n.first(n.path('given*')))], { iterate: n.forEach('name*') }),
      n.select([n.value(1, n.focus), n.value(2, n.nothing)], { iterate: n.forEach('phone*') }),
    ];
    expect(rows([n.select([n.value(0, n.path('id'))], { unionAll: union })], 3)).toEqual([
      ['p1', 'A', 'a1'],
      ['p1', 'B', null],
      ['p1', '1', null],
      ['p1', '2', null],
    ]);
  });

  it('%rowIndex of a select without an iteration is that of the one around it', () => {
    const inner = n.select([n.value(1, n.rowIndex)]);
    const afterwards = n.select([n.value(2, n.rowIndex)], {
      unionAll: [n.select([n.value(3, n.rowIndex)], { iterate: n.forEach('given*') })],
    });
    expect(rows([n.select([n.value(0, n.rowIndex)], { iterate: n.forEach('name*'), selects: [inner, afterwards] })], 4)).toEqual([
      ['0', '0', '0', '0'],
      ['0', '0', '0', '1'],
    ]);
  });

  it('repeat: depth first in document order, through every path', () => {
    const paths = [n.path('item*'), n.path('answer*.item*')];
    const repeat = n.select([n.value(0, n.path('id')), n.value(1, n.rowIndex)], { iterate: { kind: 'repeat', paths } });
    expect(rows([repeat], 2)).toEqual([
      ['1', '0'],
      ['1.1', '1'],
      ['1.1.1', '2'],
      ['1.2', '3'],
      ['2', '4'],
      ['2.a', '5'],
    ]);
  });

  it.each([
    [true, 1],
    [false, 0],
    [null, 0],
  ])('where %s: %i rows', (answer, expected) => {
    expect(rows([n.select([n.value(0, n.path('id'))])], 1, { where: [n.bool(true), n.bool(answer)] })).toHaveLength(expected);
  });

  it('takes resources of the plan’s type only', () => {
    expect(rows([n.select([n.value(0, n.path('id'))])], 1, { resource: 'Group' })).toEqual([]);
  });

  it('is unharmed by a resource that fails', () => {
    const plan = n.plan(COLUMNS, [n.select([n.value(0, n.single(n.path('name*.family')))])]);
    const compiled = compileRows(plan);
    expect(() => rowsOf(compiled, PATIENT)).toThrow(expect.objectContaining({ code: 'VM1201' }));
    expect(rowsOf(compiled, { resourceType: 'Patient', name: [{ family: 'C' }] })).toEqual([['C', null, null, null]]);
  });
});
