import { type ExactNumber, exactDigits } from './exact-number.ts';

/** JSON as `parseResource` gives it. An ExactNumber stands only where a JS number would lose digits of the text. */
export type Json = string | number | boolean | null | ExactNumber | JsonObject | readonly Json[];

export interface JsonObject {
  readonly [key: string]: Json;
}

/** A FHIRPath item: JSON that is neither null nor an array. */
export type Item = string | number | boolean | ExactNumber | JsonObject;

/** The empty collection. Shared: results are never changed in place. */
export const NONE: readonly Item[] = Object.freeze([]);

/** The property's value where the model allows one; the first item if the JSON has an array all the same. */
export function property(item: Item | undefined, key: string): Item | undefined {
  if (typeof item !== 'object') return undefined;
  const value = (item as JsonObject)[key];
  if (typeof value !== 'object') return value;
  if (value === null) return undefined;
  return Array.isArray(value) ? flatten(value)[0] : (value as Item);
}

/** The property's items in order; nulls (FHIR's placeholders for extensions) are no items. */
export function properties(item: Item | undefined, key: string): readonly Item[] {
  if (typeof item !== 'object') return NONE;
  const value = (item as JsonObject)[key];
  if (value === undefined || value === null) return NONE;
  return Array.isArray(value) ? flatten(value) : [value as Item];
}

/** Copies only arrays that hold a null or an array. */
function flatten(values: readonly Json[]): readonly Item[] {
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index];
    if (value === null || Array.isArray(value))
      return (values as readonly unknown[]).flat(Number.POSITIVE_INFINITY).filter(isItem);
  }
  return values as readonly Item[];
}

function isItem(value: unknown): value is Item {
  return value !== null;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && exactDigits(value) === undefined;
}
