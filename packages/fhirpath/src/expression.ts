/**
 * The typed expression: what a FHIRPath text means, with every name resolved against the FHIR model.
 * Nodes are plain, frozen, serializable data. Back-ends read nothing but these nodes.
 *
 * Every node states its type and whether it can hold more than one item (`many`); where FHIRPath wants a single item
 * but the model allows several, the compiler puts an explicit `single` node, so that no back-end has to remember to check.
 */

/** The FHIRPath System class of a primitive; decides comparison, arithmetic and column types. */
export type SystemType = 'Boolean' | 'String' | 'Integer' | 'Decimal' | 'Date' | 'DateTime' | 'Time';

export interface ValueType {
  /**
   * FHIR type name: `code`, `Quantity`, `Patient`; a backbone element is named by its model path
   * (`Observation.component`); `unknown` for the elements of `repeat` paths that the model does not have (always empty).
   */
  readonly fhir: string;
  /** Null for a complex type. `instant` is DateTime; `integer`, `positiveInt`, `unsignedInt` are Integer; `integer64` is Integer. */
  readonly system: SystemType | null;
}

interface Node {
  readonly type: ValueType;
  /** False: zero or one item. True: any number of items, in order. */
  readonly many: boolean;
}

/** A literal or a constant. Strings, dates and times as text (without `@`, `@T` or quotes); numbers as the text written, `4.10` keeps its zero. */
export interface Literal extends Node {
  readonly kind: 'literal';
  readonly value: string | boolean;
}

/** `{}` and everything that is known to be empty. */
export interface Empty extends Node {
  readonly kind: 'empty';
}

/** `$this`: the item of the innermost `filter`, or the node that a select iterates. */
export interface Focus extends Node {
  readonly kind: 'focus';
}

/** `%resource` (and `%rootResource`): the resource; `%context`: the node the whole expression was started on. */
export interface Variable extends Node {
  readonly kind: 'variable';
  readonly name: 'resource' | 'context';
}

/** `%rowIndex`: the 0-based index of the innermost iterating select; 0 outside of one. Integer, never empty. */
export interface RowIndex extends Node {
  readonly kind: 'rowIndex';
}

/** One JSON property. Missing is empty; an array is flattened into the result. The name comes from the model. */
export interface Member extends Node {
  readonly kind: 'member';
  readonly source: Expression;
  readonly key: string;
}

/**
 * A choice element `value[x]`: the value of whichever of these properties is there. Without `ofType()` the type is `unknown`
 * and only exists/empty/count read it. `ofType(string)` where the element may be a code too (a code is a string) is a
 * choice of type string, read like any member; where only one property fits, `ofType()` is a plain member.
 */
export interface Choice extends Node {
  readonly kind: 'choice';
  readonly source: Expression;
  readonly keys: readonly string[];
}

/** `source[index]`, `first()`. Zero-based; a negative or too large index is empty. Never many. */
export interface Index extends Node {
  readonly kind: 'index';
  readonly source: Expression;
  /** Integer, not many. */
  readonly index: Expression;
}

/** `where(criteria)`: the items for which the criteria (Boolean, focus = item) is true. Keeps the source's `many`. */
export interface Filter extends Node {
  readonly kind: 'filter';
  readonly source: Expression;
  readonly criteria: Expression;
}

/** `ofType(Patient)` on resources: the items whose `resourceType` is that. */
export interface OfResourceType extends Node {
  readonly kind: 'ofResourceType';
  readonly source: Expression;
  readonly resourceType: string;
}

/** `exists()`, and with `negate` `empty()`. Boolean, never empty. `exists(criteria)` is exists over a filter. */
export interface Exists extends Node {
  readonly kind: 'exists';
  readonly source: Expression;
  readonly negate: boolean;
}

/** `count()`. Integer, never empty. */
export interface Count extends Node {
  readonly kind: 'count';
  readonly source: Expression;
}

/** `not()`: three-valued; operand Boolean, not many. */
export interface Not extends Node {
  readonly kind: 'not';
  readonly operand: Expression;
}

/** Three-valued logic (FHIRPath §6.5); empty is unknown. Operands Boolean, not many. */
export interface Logic extends Node {
  readonly kind: 'logic';
  readonly operator: 'and' | 'or' | 'xor' | 'implies';
  readonly left: Expression;
  readonly right: Expression;
}

/**
 * How two values are compared. `number`: by value, 1 = 1.0. `string`: by code point. `temporal`: Date and DateTime, by
 * instants at the coarser of the two precisions (year, month, day, minute, second with fraction); equal there but of
 * different precision is empty; a DateTime without a time zone is UTC. `time`: the same for times of day.
 * `deep`: complex types, structural equality; only for `equality`. `never`: types that are never equal (equality of a
 * String with an Integer is false, not an error).
 */
export type CompareAs = 'boolean' | 'string' | 'number' | 'temporal' | 'time' | 'deep' | 'never';

/**
 * `=` and `!=` (FHIRPath §6.1). Empty when either side is empty. Either side may be many: then equal means the same number of
 * items, pairwise equal in order (a difference in number is false; an unknown pair makes the whole empty unless another pair differs).
 */
export interface Equality extends Node {
  readonly kind: 'equality';
  readonly negate: boolean;
  readonly compareAs: CompareAs;
  readonly left: Expression;
  readonly right: Expression;
}

/** `<`, `<=`, `>`, `>=` (FHIRPath §6.2). Operands not many. compareAs is string, number, temporal or time. */
export interface Comparison extends Node {
  readonly kind: 'comparison';
  readonly operator: '<' | '<=' | '>' | '>=';
  readonly compareAs: CompareAs;
  readonly left: Expression;
  readonly right: Expression;
}

/**
 * Numbers, exact decimal arithmetic. `/` is Decimal, rounded half away from zero to 8 places; by zero is empty, as are
 * `div` (truncated, Integer) and `mod` (sign of the dividend) by zero. Operands not many.
 */
export interface Arithmetic extends Node {
  readonly kind: 'arithmetic';
  readonly operator: '+' | '-' | '*' | '/' | 'div' | 'mod';
  readonly left: Expression;
  readonly right: Expression;
}

/** Unary minus. */
export interface Negate extends Node {
  readonly kind: 'negate';
  readonly operand: Expression;
}

/** `+` on strings (empty if either is) and `&` (`emptyAsText`: empty counts as ''). */
export interface Concat extends Node {
  readonly kind: 'concat';
  readonly emptyAsText: boolean;
  readonly left: Expression;
  readonly right: Expression;
}

/** `join(separator)`: the strings of the source, in order; '' if the source is empty (the test suite of SQL on FHIR wants it so). Separator: String, not many. */
export interface Join extends Node {
  readonly kind: 'join';
  readonly source: Expression;
  readonly separator: Expression;
}

/**
 * `getReferenceKey(Type?)`, mapped over the source's items (Reference). The id of a relative literal reference
 * `Type/id` or `Type/id/_history/v`; everything else (absolute, urn:, contained `#x`, wrong type) is empty for that item.
 * `getResourceKey()` is a member `id` of the resource.
 */
export interface ReferenceKey extends Node {
  readonly kind: 'referenceKey';
  readonly source: Expression;
  readonly resourceType: string | null;
}

/**
 * `lowBoundary()` / `highBoundary()`, source not many. decimal: ± half of the last written place (1.0 → 0.95 / 1.05).
 * date: `YYYY-MM-DD`. dateTime and instant: to milliseconds; without a zone low gets +14:00 and high -12:00. time: to milliseconds.
 */
export interface Boundary extends Node {
  readonly kind: 'boundary';
  readonly source: Expression;
  readonly side: 'low' | 'high';
  readonly of: 'decimal' | 'date' | 'dateTime' | 'time';
}

/** At most one item, or the evaluation fails with VM1201 (`at` names the place in the ViewDefinition). Never many. */
export interface Single extends Node {
  readonly kind: 'single';
  readonly source: Expression;
  /** The expression's own text, for the message. */
  readonly at: string;
}

export type Expression =
  | Literal
  | Empty
  | Focus
  | Variable
  | RowIndex
  | Member
  | Choice
  | Index
  | Filter
  | OfResourceType
  | Exists
  | Count
  | Not
  | Logic
  | Equality
  | Comparison
  | Arithmetic
  | Negate
  | Concat
  | Join
  | ReferenceKey
  | Boundary
  | Single;

export type ExpressionKind = Expression['kind'];

/** One handler a kind: a new kind does not compile until every back-end has it. */
export type ExpressionVisitor<R, C> = {
  readonly [K in ExpressionKind]: (node: Extract<Expression, { kind: K }>, context: C) => R;
};

/** Calls the handler of the node's kind. */
export function visit<R, C>(visitor: ExpressionVisitor<R, C>, node: Expression, context: C): R {
  const handler = visitor[node.kind] as (node: Expression, context: C) => R;
  return handler(node, context);
}
