import type { Column, ColumnValue, Iteration, SelectPlan } from '@viewmill/views';
import sql, { join, raw, type Sql } from 'sql-template-tag';
import { compileColumn } from './cast.ts';
import type { Context } from './context.ts';
import { repeatItems } from './repeat.ts';
import { itemsOf, one } from './sql-value.ts';

/** Where a select stands: its node and what is known of it. */
export interface Place {
  readonly context: Context;
  readonly columns: readonly Column[];
  /**
   * Boolean SQL: is there a node? False in the one row of a forEachOrNull without items, where everything below is null.
   * Null: there always is.
   */
  readonly guard: Sql | null;
}

/** The pieces of one SELECT statement, collected over a tree of selects. */
export interface Block {
  /** FROM items, each depending only on those before it. */
  readonly from: FromItem[];
  readonly where: Sql[];
  /** Sort keys of the rows, in order of the specification's algorithm. */
  readonly keys: Sql[];
  /** The columns' values by slot. */
  readonly slots: Map<number, Sql>;
}

interface FromItem {
  readonly sql: Sql;
  readonly outer: boolean;
}

export function createBlock(): Block {
  return { from: [], where: [], keys: [], slots: new Map() };
}

/** Adds the selects' rows to the block, cross joined, the first varying slowest. */
export function addSelects(selects: readonly SelectPlan[], place: Place, block: Block): void {
  for (const select of selects) addSelect(select, place, block);
}

function addSelect(select: SelectPlan, outer: Place, block: Block): void {
  const place = select.iterate === null ? outer : addIteration(select.iterate, outer, block);
  for (const column of select.columns) block.slots.set(column.slot, columnValue(column, place));
  addSelects(select.selects, place, block);
  if (select.unionAll.length > 0) addUnion(select.unionAll, place, block);
}

function addIteration(iterate: Iteration, { context, columns, guard }: Place, block: Block): Place {
  const rows = context.names.next('e');
  const items =
    iterate.kind === 'repeat'
      ? repeatItems(iterate.paths, context, guard)
      : itemsOf(context.compile(iterate.path, context), guard);
  const outer = iterate.kind === 'forEachOrNull' || guard !== null;
  block.from.push({ sql: sql`${items} as ${rows}(item, ord)`, outer });
  if (iterate.kind !== 'forEachOrNull' && guard !== null) block.where.push(sql`(not ${guard} or ${rows}.ord is not null)`);
  block.keys.push(sql`${rows}.ord`);
  const focus = one('jsonb', sql`${rows}.item`, true);
  const rowIndex = outer ? sql`coalesce(${rows}.ord - 1, 0)` : sql`(${rows}.ord - 1)`;
  return {
    context: { ...context, focus, context: focus, rowIndex },
    columns,
    guard: outer ? sql`(${rows}.ord is not null)` : null,
  };
}

function columnValue(value: ColumnValue, { context, columns, guard }: Place): Sql {
  const column = columns[value.slot];
  if (column === undefined) throw new Error(`${value.at}: no column ${value.slot}`);
  const compiled = compileColumn(value, column, { ...context, at: value.at });
  if (guard === null || value.expression.kind === 'rowIndex') return compiled;
  return sql`case when ${guard} then ${compiled} end`;
}

/** The branches one after the other, as one lateral subquery with a column a slot (`s0`, `s3`…) and the sort key `k`. */
function addUnion(branches: readonly SelectPlan[], place: Place, block: Block): void {
  const rows = place.context.names.next('u');
  const blocks = branches.map((branch) => {
    const part = createBlock();
    addSelect(branch, place, part);
    if (place.guard !== null) part.where.push(place.guard);
    return part;
  });
  const slots = [...(blocks[0]?.slots.keys() ?? [])].sort((a, b) => a - b);
  const union = join(
    blocks.map((part, index) => {
      const key = part.keys.reduce((list, next) => sql`${list} || ${next}`, sql`array[${raw(String(index))}]::bigint[]`);
      const values = slots.map((slot) => sql`, ${part.slots.get(slot) ?? sql`null`} as ${slotName(slot)}`);
      return sql`select ${key} as k${values.length > 0 ? join(values, '') : sql``}${renderFrom(part)}`;
    }),
    ' union all ',
  );
  block.from.push({ sql: sql`(${union}) as ${rows}`, outer: place.guard !== null });
  if (place.guard !== null) block.where.push(sql`(not ${place.guard} or ${rows}.k is not null)`);
  block.keys.push(sql`${rows}.k`);
  for (const slot of slots) {
    const value = sql`${rows}.${slotName(slot)}`;
    const last = branches.at(-1);
    const isRowIndex = place.guard !== null && last !== undefined && isRowIndexSlot(last, slot);
    block.slots.set(slot, isRowIndex ? sql`coalesce(${value}, 0)` : value);
  }
}

function isRowIndexSlot(select: SelectPlan, slot: number): boolean {
  const column = select.columns.find((candidate) => candidate.slot === slot);
  if (column !== undefined) return column.expression.kind === 'rowIndex';
  if (select.selects.some((child) => isRowIndexSlot(child, slot))) return true;
  const last = select.unionAll.at(-1);
  return last !== undefined && isRowIndexSlot(last, slot);
}

function slotName(slot: number): Sql {
  return raw(`s${slot}`);
}

/** FROM and WHERE of the block, to follow a select list; `first`: what its FROM begins with. */
export function renderFrom(block: Block, first: Sql | null = null): Sql {
  const items = first === null ? [] : [first];
  for (const item of block.from) {
    if (items.length === 0) items.push(item.outer ? sql`(select) as o left join lateral ${item.sql} on true` : item.sql);
    else items.push(item.outer ? sql`left join lateral ${item.sql} on true` : sql`cross join lateral ${item.sql}`);
  }
  const from = items.length === 0 ? sql`` : sql` from ${join(items, '\n  ')}`;
  return block.where.length === 0 ? from : sql`${from} where ${join(block.where, ' and ')}`;
}
