import { ident } from '@viewmill/contracts';
import type { Sql } from 'sql-template-tag';

/** Tables of the catalog. Names of views begin with a letter, so nothing that begins with `_` is ever in the way of one. */
export type CatalogTable =
  | '_migration'
  | '_definition'
  | '_view'
  | '_generation'
  | '_refresh'
  | '_sharded'
  | '_shard'
  | '_quarantine'
  | '_runner_statistics';

/** A table of the catalog, quoted. */
export function table(schema: string, name: CatalogTable): Sql {
  return ident(schema, name);
}

/** The channel of `NOTIFY` on which every change is announced; the payload is the name of the view. */
export function channel(schema: string): string {
  // A channel is an identifier: PostgreSQL refuses one of 64 bytes.
  return `${schema}_changes`.slice(-63);
}

/** Names of the tables of a generation. */
export interface GenerationTables {
  /** `res_id`, `ordinal`, the plan's columns. */
  readonly rows: Sql;
  /** The keys (`currentKeys` of fhir-source) of every resource that was read, also of those that gave no row. */
  readonly versions: Sql;
}

/** @param relation name of the table of rows. */
export function generationTables(schema: string, relation: string): GenerationTables {
  return { rows: ident(schema, relation), versions: ident(schema, `${relation}_v`) };
}
