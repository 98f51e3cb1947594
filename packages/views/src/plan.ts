import type { Expression } from '@viewmill/fhirpath';

/**
 * The view plan: a ViewDefinition, validated, with every path compiled. Plain, frozen, serializable.
 * Both back-ends are made from this and nothing else.
 * Semantics: SQL on FHIR v2, "Processing Algorithm" (StructureDefinition-ViewDefinition-notes).
 */
export interface ViewPlan {
  readonly name: string;
  readonly title: string | null;
  readonly description: string | null;
  /** The resource type, e.g. `Patient`. Resources of another type give no row. */
  readonly resource: string;
  /** Boolean expressions; a resource is kept if every one is true (empty is not true). */
  readonly where: readonly Expression[];
  /** Sibling selects; their rows are cross joined, the first varies slowest. */
  readonly selects: readonly SelectPlan[];
  /** The output columns in order; `ColumnValue.slot` points into this list. */
  readonly columns: readonly Column[];
  /** What the source has to bring along with each resource. */
  readonly needs: SourceNeeds;
  /** SHA-256 over the plan and the compiler's version: equal hash, equal rows. */
  readonly hash: string;
}

export interface SourceNeeds {
  /** Some path reads the resource's own `id` (or getResourceKey()). */
  readonly id: boolean;
  /** Some path reads `meta`. `tags`: profile, tag or security; `version`: versionId, lastUpdated or source. A path that reads all of meta sets both. */
  readonly meta: { readonly version: boolean; readonly tags: boolean };
  /** Some path reads the whole resource as a value (`$this` or `%resource` as a column). Sets id and meta too. */
  readonly whole: boolean;
  /** Some path reads a decimal: number texts must be kept exactly (`4.10`). */
  readonly decimals: boolean;
  /** Top-level JSON properties that the view reads, sorted; without `id` and `meta`. Empty if `whole`. */
  readonly properties: readonly string[];
}

export interface SelectPlan {
  /** Null: the select's node is its parent's. */
  readonly iterate: Iteration | null;
  /** Partial rows are combined in this order: columns, then selects, then the union; the first varies slowest. */
  readonly columns: readonly ColumnValue[];
  readonly selects: readonly SelectPlan[];
  /** Empty: no union. Otherwise the branches' rows one after the other; every branch fills the same slots. */
  readonly unionAll: readonly SelectPlan[];
}

export type Iteration =
  | { readonly kind: 'forEach'; readonly path: Expression }
  /** No item: one row, every slot below null, except that slots whose expression is exactly `%rowIndex` are 0. */
  | { readonly kind: 'forEachOrNull'; readonly path: Expression }
  /** Depth first, in document order: for each path in order, for each item: the item, then the same from the item. */
  | { readonly kind: 'repeat'; readonly paths: readonly Expression[] };

export interface ColumnValue {
  readonly slot: number;
  readonly expression: Expression;
  /** Where the column stands in the ViewDefinition, e.g. `select[0].column[2]`. */
  readonly at: string;
}

/**
 * How a value is written into its column, the same in both back-ends.
 * `text`: as in the JSON. `integer`/`bigint`/`smallint`/`numeric`/`float8`/`boolean`: as is.
 * `date`: the date part as written, a partial date is its first day. `timestamptz`: the instant, a partial value is its
 * first instant, no zone is UTC. `timestamp`: the same in UTC without the zone. `time`: time of day. `bytea`: base64 decoded.
 * `json`: any FHIR structure as jsonb. A date or time text that is not of the FHIR format becomes null in the four temporal casts.
 */
export type Cast =
  | 'text'
  | 'boolean'
  | 'integer'
  | 'bigint'
  | 'smallint'
  | 'numeric'
  | 'float8'
  | 'date'
  | 'timestamptz'
  | 'timestamp'
  | 'time'
  | 'bytea'
  | 'json';

export interface Column {
  readonly name: string;
  readonly path: string;
  readonly description: string | null;
  /** FHIR type of an item, e.g. `code`, `dateTime`, `Quantity`. */
  readonly fhirType: string;
  /** True: all items, an array (`text[]`; jsonb array for complex types); no item is the empty array, as the conformance tests want it. */
  readonly collection: boolean;
  readonly cast: Cast;
  /** PostgreSQL type for DDL: `text`, `numeric(10,2)`, `timestamp with time zone`, `text[]`, `jsonb`. From a closed list; safe to splice. */
  readonly sqlType: string;
  readonly tags: readonly { readonly name: string; readonly value: string }[];
}
