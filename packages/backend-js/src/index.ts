export { compileRows, type RowFunction, rowsOf } from './compile-rows.ts';
export { type CopyEncoder, copyEncoder } from './copy.ts';
export type { Item, Json, JsonObject } from './json.ts';
export { toJsonText } from './json-text.ts';
export { parseResource } from './parse-resource.ts';
export { compilePrefilter } from './prefilter.ts';
export { rowToJson, rowToJsonText } from './row-json.ts';
export type { Row, Value } from './value.ts';
