import { ViewmillError } from '@viewmill/contracts';
import { useDatabase } from '@viewmill/testkit';
import { compileView } from '@viewmill/views';
import sql from 'sql-template-tag';
import { describe, expect, it } from 'vitest';
import { compileToSql, decodeSqlError, inlineParameters } from '../src/index.ts';
import { relationOf, rowsOf, rowTexts } from './run-view.ts';

const view = (select: unknown, more: Record<string, unknown> = {}): unknown => ({
  resourceType: 'ViewDefinition',
  name: 'some',
  status: 'active',
  resource: 'Patient',
  select,
  ...more,
});
const column = (name: string, path: string): unknown => ({ name, path });

const FULL = JSON.stringify({
  resourceType: 'Patient',
  id: 'full',
  name: [{ family: 'A', given: ['a1', 'a2'] }, { family: 'B' }],
  contact: [{ name: { family: 'C' }, telecom: [{ value: '1' }, { value: '2' }] }, { name: { family: 'D' } }],
});
const BARE = JSON.stringify({ resourceType: 'Patient', id: 'bare' });

describe('selects', () => {
  const database = useDatabase();

  /** The rows' values, resource by resource in order. */
  async function ordered(definition: unknown, bodies = [FULL, BARE]): Promise<unknown[][]> {
    const rows = await rowsOf(database, compileView(definition), bodies, { ordinal: true });
    return rows.map((row) => Object.values(row));
  }

  it('orders columns, selects, union; the first varies slowest', async () => {
    const select = [
      { column: [column('id', 'id')] },
      { forEach: 'name', column: [column('family', 'family')] },
      { unionAll: [{ forEach: 'contact', column: [column('x', 'name.family')] }, { column: [column('x', "'last'")] }] },
    ];
    const rows = await rowTexts(database, compileView(view(select)), [FULL, BARE], { ordinal: true });
    expect(rows).toEqual(
      ['A C', 'A D', 'A last', 'B C', 'B D', 'B last'].map((text, ordinal) => {
        const [family, x] = text.split(' ');
        return JSON.stringify({ res_id: 1, ordinal, id: 'full', family, x });
      }),
    );
  });

  it('numbers rows from 0 where nothing iterates', async () => {
    expect(await rowTexts(database, compileView(view([{ column: [column('id', 'id')] }])), [BARE], { ordinal: true })).toEqual([
      '{"res_id":1,"ordinal":0,"id":"bare"}',
    ]);
  });

  it('keeps one row of nulls below a forEachOrNull without items, with %rowIndex 0', async () => {
    const select = [
      { column: [column('id', 'id')] },
      {
        forEachOrNull: 'contact',
        column: [column('i', '%rowIndex'), column('constant', "'x'"), column('sum', '%rowIndex + 1')],
        select: [{ forEach: 'telecom', column: [column('j', '%rowIndex'), column('value', 'value')] }],
      },
    ];
    expect(await ordered(view(select))).toEqual([
      ['full', 0, 'x', 1, 0, '1'],
      ['full', 0, 'x', 1, 1, '2'],
      ['bare', 0, null, null, 0, null],
    ]);
  });

  it('does not run what is below it on the resource instead', async () => {
    const select = [
      { column: [column('id', 'id')] },
      {
        forEachOrNull: "name.where(family = 'none')",
        select: [
          { forEach: '%resource.contact', column: [column('a', 'name.family')] },
          {
            unionAll: [
              { forEachOrNull: '%resource.contact', column: [column('b', 'name.family')] },
              { column: [column('b', "'x'")] },
            ],
          },
        ],
      },
    ];
    expect(await ordered(view(select), [FULL])).toEqual([['full', null, null]]);
  });

  it('numbers the rows of a filtered forEach', async () => {
    const select = [
      {
        forEach: "name.where(family = 'B' or given.count() > 5)",
        column: [column('i', '%rowIndex'), column('family', 'family')],
      },
    ];
    expect(await ordered(view(select))).toEqual([[0, 'B']]);
  });

  it('iterates over primitives', async () => {
    expect(
      await ordered(view([{ forEach: 'name.given', column: [column('i', '%rowIndex'), column('given', '$this')] }])),
    ).toEqual([
      [0, 'a1'],
      [1, 'a2'],
    ]);
  });

  it('repeats depth first: each path in order, each item, then what is below it', async () => {
    const item = (linkId: string, rest: object = {}): object => ({ linkId, ...rest });
    const body = JSON.stringify({
      resourceType: 'QuestionnaireResponse',
      id: 'q',
      item: [
        item('1', {
          answer: [{ item: [item('1.a', { item: [item('1.a.1')] })] }],
          item: [item('1.1'), item('1.2', { item: [item('1.2.1')] })],
        }),
        ...Array.from({ length: 11 }, (_, index) => item(String(index + 2))),
      ],
    });
    const select = [{ repeat: ['item', 'answer.item'], column: [column('i', '%rowIndex'), column('linkId', 'linkId')] }];
    const rows = await ordered(view(select, { resource: 'QuestionnaireResponse' }), [body]);
    const expected = ['1', '1.1', '1.2', '1.2.1', '1.a', '1.a.1', ...Array.from({ length: 11 }, (_, index) => String(index + 2))];
    expect(rows).toEqual(expected.map((linkId, index) => [index, linkId]));
  });

  it('filters resources before columns are computed', async () => {
    const select = [{ column: [column('id', 'id'), column('family', 'name.family')] }];
    expect(await ordered(view(select, { where: [{ path: "id = 'bare'" }] }))).toEqual([['bare', null]]);
  });

  it('reports several values where one is expected, with the place and without content', async () => {
    const select = [{ column: [column('id', 'id'), column('family', 'name.family')] }];
    const failure = await rowsOf(database, compileView(view(select)), [FULL]).then(() => null, decodeSqlError);
    expect(failure).toBeInstanceOf(ViewmillError);
    expect(failure).toMatchObject({ code: 'VM1201', at: 'select[0].column[1]' });
    expect(failure?.message).toContain('name.family');
    expect(await ordered(view(select), [BARE])).toEqual([['bare', null]]);
  });

  it('leaves other errors alone', () => {
    expect(decodeSqlError(Object.assign(new Error('invalid input syntax for type integer: "x"'), { code: '22P02' }))).toBeNull();
    expect(decodeSqlError(new Error('x'))).toBeNull();
    expect(decodeSqlError('x')).toBeNull();
  });

  it('takes id and meta from the relation', async () => {
    const relation = sql`select 7::bigint as res_id, 'column'::text as id, ${'{"resourceType":"Patient","id":"body","meta":{"versionId":"1"},"active":true}'}::text as body, ${'{"versionId":"2"}'}::jsonb as meta`;
    const select = [
      {
        column: [
          column('id', 'id'),
          column('version', 'meta.versionId'),
          column('same', "%resource.id = 'column'"),
          column('active', 'active'),
        ],
      },
    ];
    const { rows, columns } = compileToSql(compileView(view(select)), relation);
    const found = await database.pool.query({ text: rows.text, values: [...rows.values] });
    expect(found.rows).toEqual([{ res_id: '7', id: 'column', version: '2', same: true, active: true }]);
    expect(columns.map(({ name }) => name)).toEqual(['res_id', 'id', 'version', 'same', 'active']);
  });

  it('does not parse the body for a view of ids', async () => {
    const relation = sql`select 7::bigint as res_id, 'a'::text as id, '{broken'::text as body, null::jsonb as meta`;
    const { rows } = compileToSql(compileView(view([{ column: [column('id', 'getResourceKey()')] }])), relation);
    expect((await database.pool.query({ text: rows.text, values: [...rows.values] })).rows).toEqual([{ res_id: '7', id: 'a' }]);
  });

  it('can be filtered by its columns from outside, with and without ordinal', async () => {
    const select = [{ column: [column('id', 'id')] }, { forEach: 'name', column: [column('family', 'family')] }];
    for (const ordinal of [false, true]) {
      const { rows } = compileToSql(compileView(view(select)), relationOf([FULL, BARE]), { ordinal });
      const statement = sql`select family from (${rows}) as v where family = ${'B'} and id = ${'full'}`;
      expect((await database.pool.query({ text: statement.text, values: [...statement.values] })).rows).toEqual([
        { family: 'B' },
      ]);
    }
  });

  it('runs the same with the parameters written into the text', async () => {
    const select = [
      { column: [column('id', 'id'), column('text', "'a\\\\b\\'c' & name.where(family = 'x\\'\\\\').family.join(',')")] },
    ];
    const { rows } = compileToSql(compileView(view(select)), relationOf([FULL]));
    for (const conforming of ['on', 'off']) {
      const client = await database.pool.connect();
      try {
        await client.query(`set standard_conforming_strings = ${conforming}`);
        expect((await client.query(inlineParameters(rows))).rows).toEqual([{ res_id: '1', id: 'full', text: "a\\b'c" }]);
      } finally {
        await client.query('reset standard_conforming_strings');
        client.release();
      }
    }
  });
});

describe('inlineParameters', () => {
  it.each([
    ["it's", "select 'it''s'"],
    ['a\\b', "select E'a\\\\b'"],
    [5, "select '5'"],
    [true, "select 'true'"],
    [null, 'select null'],
    [['a"b', null, ['c']], `select E'{"a\\\\"b",NULL,{"c"}}'`],
    [Buffer.from([1, 255]), "select E'\\\\x01ff'"],
  ])('writes %j', (value, expected) => {
    expect(inlineParameters(sql`select${value}`)).toBe(expected);
  });

  it('refuses NUL', () => {
    expect(() => inlineParameters(sql`select ${'\0'}`)).toThrow(RangeError);
  });
});
