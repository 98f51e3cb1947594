export { type CompiledColumn, type CompiledRows, compileToSql, type SqlOptions } from './compile-to-sql.ts';
export { decodeSqlError } from './errors.ts';
export { inlineParameters } from './inline.ts';
