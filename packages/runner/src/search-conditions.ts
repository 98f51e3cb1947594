import { type Condition, ident, type Search, ViewmillError } from '@viewmill/contracts';
import { type InstantRange, instantRange, type RangeOperator } from '@viewmill/fhir-source';
import type { Column, ViewPlan } from '@viewmill/views';
import type { Sql } from 'sql-template-tag';
import sql, { raw } from 'sql-template-tag';
import { findColumn, patientColumn } from './columns.ts';

/** A search, checked against a view: every field resolved, every value still text. */
export interface ResolvedSearch {
  readonly columns: readonly ColumnCondition[];
  /** Ids of patients and the column that holds them. All are true at once, as everything here. */
  readonly patients: readonly { readonly column: Column; readonly ids: readonly string[] }[];
  readonly ids: readonly (readonly string[])[];
  readonly updated: readonly { readonly operator: RangeOperator; readonly range: InstantRange }[];
  readonly sort: readonly { readonly column: Column; readonly descending: boolean }[];
}

export interface ColumnCondition {
  readonly column: Column;
  readonly operator: Condition['operator'];
  readonly values: readonly string[];
}

/** @throws ViewmillError VM2009 that names the field. Values that do not fit a column's type show only when they are cast. */
export function resolveSearch(plan: ViewPlan, search: Search): ResolvedSearch {
  const columns: ColumnCondition[] = [];
  const patients: { column: Column; ids: string[] }[] = [];
  const ids: string[][] = [];
  const updated: { operator: RangeOperator; range: InstantRange }[] = [];
  for (const condition of search.conditions) {
    const { field } = condition;
    if (condition.values.some((value) => value.includes('\0'))) throw invalid(field, 'a value cannot hold NUL');
    const column = findColumn(plan, field);
    if (column !== undefined) columns.push(checkColumn(column, condition));
    else if (field === 'patient') patients.push(resolvePatient(plan, condition));
    else if (field === '_id') ids.push(idsOf(condition, plan.resource));
    else if (field === '_lastUpdated') updated.push(resolveUpdated(condition));
    else throw invalid(field, `the view has no column ${field}`);
  }
  const sort = search.sort.map(({ field, descending }) => {
    const column = findColumn(plan, field);
    if (column === undefined) throw invalid('_sort', `the view has no column ${field}`);
    if (column.collection || column.cast === 'json')
      throw invalid('_sort', `rows cannot be sorted by ${field}, which holds ${column.sqlType}`);
    return { column, descending };
  });
  return { columns, patients, ids, updated, sort };
}

function checkColumn(column: Column, { field, operator, values }: Condition): ColumnCondition {
  if (column.cast === 'json') throw invalid(field, `${field} holds ${column.sqlType}, which cannot be compared`);
  const ordered = operator === 'gt' || operator === 'ge' || operator === 'lt' || operator === 'le';
  if (ordered && column.collection) throw invalid(field, `${field} holds lists: use eq, ne or in`);
  if (ordered && values.length > 1) throw invalid(field, `${operator} takes one value`);
  return { column, operator, values };
}

function resolvePatient(plan: ViewPlan, condition: Condition): { column: Column; ids: string[] } {
  const column = patientColumn(plan);
  if (column === undefined || column.collection || column.cast !== 'text') {
    throw invalid('patient', 'the view has no column patient_id or subject_id');
  }
  return { column, ids: idsOf(condition, 'Patient') };
}

/** Ids from `123` or `Patient/123`. */
function idsOf({ field, operator, values }: Condition, resourceType: string): string[] {
  if (operator !== 'eq' && operator !== 'in') throw invalid(field, `${field} can be compared by eq and in only`);
  return values.map((value) => {
    const id = value.startsWith(`${resourceType}/`) ? value.slice(resourceType.length + 1) : value;
    if (!/^[A-Za-z0-9\-.]{1,64}$/.test(id)) throw invalid(field, `an id or ${resourceType}/id is expected`);
    return id;
  });
}

function resolveUpdated({ field, operator, values }: Condition): { operator: RangeOperator; range: InstantRange } {
  const range = values.length === 1 ? instantRange(values[0] ?? '') : null;
  if (operator === 'in' || range === null)
    throw invalid(field, 'one date or instant such as 2024-03-01 or 2024-03-01T10:00:00Z is expected');
  return { operator, range };
}

export function invalid(field: string, message: string): ViewmillError {
  return new ViewmillError('VM2009', `${field}: ${message}`.replace(`${field}: ${field} `, `${field} `), { at: field });
}

/** The conditions that the view's own columns decide, over rows `q`. */
export function columnConditions(resolved: ResolvedSearch): Sql[] {
  return [
    ...resolved.columns.map(compare),
    ...resolved.patients.map(({ column, ids }) => {
      // A view may keep the reference as written.
      const keys = ids.flatMap((id) => [id, `Patient/${id}`]);
      return sql`${columnOf(column)} = any (${keys}::text[])`;
    }),
  ];
}

/** Null values match nothing, `ne` neither. Several values: any of them, for `ne` none of them. */
function compare({ column, operator, values }: ColumnCondition): Sql {
  const left = columnOf(column);
  const list = sql`${values}::${raw(arrayType(column))}`;
  if (column.collection) return operator === 'ne' ? sql`not (${left} && ${list})` : sql`${left} && ${list}`;
  const one = sql`${values[0]}::${raw(baseType(column))}`;
  switch (operator) {
    case 'eq':
    case 'in':
      return values.length === 1 ? sql`${left} = ${one}` : sql`${left} = any (${list})`;
    case 'ne':
      return sql`${left} <> all (${list})`;
    default:
      return sql`${ordered(column)} ${raw(ORDERED[operator])} ${one}`;
  }
}

const ORDERED = { gt: '>', ge: '>=', lt: '<', le: '<=' } as const;

export function columnOf(column: Column): Sql {
  return ident('q', column.name);
}

/** A column as it is put in order: texts by code point (FHIRPath §6.2), so that every database agrees, whatever its locale. */
export function ordered(column: Column): Sql {
  return column.cast === 'text' ? sql`${columnOf(column)} collate "C"` : columnOf(column);
}

/** The type of an item, without precision: a value must not be rounded or cut before it is compared. */
export function baseType({ sqlType }: Column): string {
  return sqlType.replace(/\[\]$/, '').replace(/ ?\([^)]*\)/, '');
}

function arrayType(column: Column): string {
  return `${baseType(column)}[]`;
}
