import type { Column, ColumnValue, SelectPlan, ViewPlan } from '@viewmill/views';
import { castOf } from './cast.ts';
import { compileExpression, onlyOne } from './compile-expression.ts';
import { allOf, type Frame, firstOf } from './evaluator.ts';
import { compileIteration } from './iteration.ts';
import type { Item, JsonObject } from './json.ts';
import type { Row, Value } from './value.ts';

/**
 * The rows of one resource, in order: a row's ordinal is the number of calls before.
 * @param emit is given the same array every time; it copies what it keeps.
 * @throws ViewmillError VM1201 (several values where one is expected), VM1203 (a value does not fit its column).
 */
export type RowFunction = (resource: JsonObject, emit: (row: Row) => void) => void;

/** The node that a select stands on; one per iterating select, set as it goes. */
interface Place {
  node: Item;
  rowIndex: number;
}

/** What happens next, once the slots before are filled. */
type Step = () => void;

/** What is made once per plan. A row function is not re-entrant: the frame, the row and the places are all its own. */
interface Build {
  readonly frame: Frame;
  readonly row: Value[];
  readonly columns: readonly Column[];
}

/** A select without an iteration adds its columns and parts to its parent's: it stands on the same node. */
interface Block {
  readonly columns: ColumnValue[];
  readonly parts: (SelectPlan | readonly SelectPlan[])[];
}

/**
 * Compiles a view plan. Rows are not built from partial rows: every select fills its slots and calls what comes after it,
 * so that the cross join of siblings (the first varies slowest) and nesting are loops within loops, and nothing is allocated for a row.
 */
export function compileRows(plan: ViewPlan): RowFunction {
  const frame: Frame = { resource: {}, context: '', rowIndex: 0 };
  const build: Build = { frame, row: new Array<Value>(plan.columns.length).fill(null), columns: plan.columns };
  const root: Place = { node: '', rowIndex: 0 };
  const criteria = plan.where.map((expression, index) => firstOf(compileExpression(expression, `where[${index}]`)));
  let receive: (row: Row) => void = () => undefined;
  const run = compileSelects(plan.selects, root, build, () => receive(build.row));
  return (resource, emit) => {
    // A source that knows what it read may leave resourceType out.
    if (resource.resourceType !== undefined && resource.resourceType !== plan.resource) return;
    enter(frame, root, resource, 0);
    frame.resource = resource;
    for (const criterion of criteria) if (criterion(resource, frame) !== true) return;
    receive = emit;
    run();
  };
}

/** All rows of a resource, as arrays of their own: for previews and tests. */
export function rowsOf(rows: RowFunction, resource: JsonObject): Row[] {
  const found: Row[] = [];
  rows(resource, (row) => found.push(row.slice()));
  return found;
}

function compileSelects(selects: readonly SelectPlan[], place: Place, build: Build, next: Step): Step {
  const block: Block = { columns: [], parts: [] };
  for (const select of selects) {
    if (select.iterate === null) merge(select, block);
    else block.parts.push(select);
  }
  const rest = block.parts.reduceRight<Step>((after, part) => compilePart(part, place, build, after), next);
  return compileColumns(block.columns, place, build, rest);
}

function merge(select: SelectPlan, block: Block): void {
  block.columns.push(...select.columns);
  for (const child of select.selects) {
    if (child.iterate === null) merge(child, block);
    else block.parts.push(child);
  }
  if (select.unionAll.length > 0) block.parts.push(select.unionAll);
}

function compilePart(part: SelectPlan | readonly SelectPlan[], place: Place, build: Build, next: Step): Step {
  if (!isUnion(part)) return compileIterating(part, place, build, next);
  const branches = part.map((branch) => compileSelects([branch], place, build, next));
  return () => {
    for (const branch of branches) branch();
  };
}

function isUnion(part: SelectPlan | readonly SelectPlan[]): part is readonly SelectPlan[] {
  return Array.isArray(part);
}

function compileIterating(select: SelectPlan, place: Place, build: Build, next: Step): Step {
  const { iterate } = select;
  if (iterate === null) return compileSelects([select], place, build, next);
  const { frame } = build;
  const items = compileIteration(iterate, select.columns[0]?.at ?? iterate.kind);
  const inner: Place = { node: '', rowIndex: 0 };
  const run = compileSelects([{ ...select, iterate: null }], inner, build, next);
  const none = iterate.kind === 'forEachOrNull' ? compileNullRow(select, build, next) : () => undefined;
  return () => {
    enter(frame, place, place.node, place.rowIndex);
    const nodes = items(place.node, frame);
    if (nodes.length === 0) {
      none();
      return;
    }
    for (let index = 0; index < nodes.length; index += 1) {
      inner.node = nodes[index] as Item;
      inner.rowIndex = index;
      run();
    }
  };
}

/** Every slot below is null, and 0 where the column is %rowIndex itself. */
function compileNullRow(select: SelectPlan, { row }: Build, next: Step): Step {
  const columns = columnsBelow(select);
  return () => {
    for (const { slot, expression } of columns) row[slot] = expression.kind === 'rowIndex' ? 0 : null;
    next();
  };
}

function columnsBelow(select: SelectPlan): readonly ColumnValue[] {
  return [...select.columns, ...[...select.selects, ...select.unionAll].flatMap(columnsBelow)];
}

function compileColumns(columns: readonly ColumnValue[], place: Place, build: Build, next: Step): Step {
  if (columns.length === 0) return next;
  const { frame, row } = build;
  const slots = columns.map(({ slot }) => slot);
  const values = columns.map((column) => compileColumn(column, build.columns));
  return () => {
    const { node } = place;
    enter(frame, place, node, place.rowIndex);
    for (let index = 0; index < values.length; index += 1) {
      row[slots[index] as number] = (values[index] as ColumnFunction)(node, frame);
    }
    next();
  };
}

type ColumnFunction = (node: Item, frame: Frame) => Value;

function compileColumn({ slot, expression, at }: ColumnValue, columns: readonly Column[]): ColumnFunction {
  const column = columns[slot];
  if (column === undefined) throw new RangeError(`${at} has no column ${slot}`);
  const cast = castOf(column);
  const evaluator = compileExpression(expression, at);
  if (column.collection) {
    const all = allOf(evaluator);
    return (node, frame) => {
      const items = all(node, frame);
      return items.map(cast).filter((value) => value !== null);
    };
  }
  const one = evaluator.many ? onlyOne(evaluator, at, column.path) : evaluator.one;
  return (node, frame) => {
    const item = one(node, frame);
    return item === undefined ? null : cast(item);
  };
}

function enter(frame: Frame, place: Place, node: Item, rowIndex: number): void {
  place.node = node;
  place.rowIndex = rowIndex;
  frame.context = node;
  frame.rowIndex = rowIndex;
}
