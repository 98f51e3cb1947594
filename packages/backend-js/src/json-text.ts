import { exactFromJson } from './exact-number.ts';
import type { Json } from './json.ts';

/** JSON text with every number's digits as they are. */
export function toJsonText(value: Json): string {
  return exactFromJson(JSON.stringify(value));
}
