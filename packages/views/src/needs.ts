import { type Expression, type ExpressionVisitor, visit } from '@viewmill/fhirpath';
import type { SelectPlan, SourceNeeds } from './plan.ts';

/** What a value is, as far as the source's duties are concerned: the resource itself, its `meta`, or anything else. */
type Shape = 'root' | 'meta' | 'other';

interface Reads {
  id: boolean;
  version: boolean;
  tags: boolean;
  whole: boolean;
  decimals: boolean;
  readonly properties: Set<string>;
}

interface Env {
  readonly focus: Shape;
  readonly context: Shape;
  readonly reads: Reads;
}

const META: Readonly<Record<string, 'version' | 'tags'>> = {
  versionId: 'version',
  lastUpdated: 'version',
  source: 'version',
  profile: 'tags',
  tag: 'tags',
  security: 'tags',
};

/** What the source must bring along, from every path of the view. */
export function sourceNeeds(where: readonly Expression[], selects: readonly SelectPlan[]): SourceNeeds {
  const reads: Reads = { id: false, version: false, tags: false, whole: false, decimals: false, properties: new Set() };
  for (const criterion of where) consume(criterion, { focus: 'root', context: 'root', reads });
  for (const select of selects) readSelect(select, 'root', reads);
  const { whole } = reads;
  return {
    id: reads.id || whole,
    meta: { version: reads.version || whole, tags: reads.tags || whole },
    whole,
    decimals: reads.decimals || whole,
    properties: whole ? [] : [...reads.properties].sort(),
  };
}

function readSelect(select: SelectPlan, shape: Shape, reads: Reads): void {
  const inner = iterated(select, shape, reads);
  for (const { expression } of select.columns) consume(expression, { focus: inner, context: inner, reads });
  for (const nested of [...select.selects, ...select.unionAll]) readSelect(nested, inner, reads);
}

function iterated({ iterate }: SelectPlan, shape: Shape, reads: Reads): Shape {
  if (iterate === null) return shape;
  const env: Env = { focus: shape, context: shape, reads };
  if (iterate.kind !== 'repeat') return visit(VISITOR, iterate.path, env);
  // A repeat runs on its items too; an item that is the resource would repeat for ever, so its shape matters no more.
  for (const path of iterate.paths) consume(path, env);
  return 'other';
}

/** Reads an expression whose value is used as a value. */
function consume(expression: Expression, env: Env): void {
  const shape = visit(VISITOR, expression, env);
  if (shape === 'root') env.reads.whole = true;
  if (shape === 'meta') readAllOfMeta(env.reads);
  if (expression.type.system === null && expression.type.fhir !== 'unknown') env.reads.decimals = true;
}

function readAllOfMeta(reads: Reads): void {
  reads.version = true;
  reads.tags = true;
}

function readProperty(shape: Shape, key: string, { reads }: Env): Shape {
  if (shape === 'meta') {
    const part = META[key];
    if (part !== undefined) reads[part] = true;
    return 'other';
  }
  if (shape === 'other') return 'other';
  if (key === 'meta') return 'meta';
  if (key === 'id') reads.id = true;
  else reads.properties.add(key);
  return 'other';
}

function readsNothing(): Shape {
  return 'other';
}

function binary(node: { readonly left: Expression; readonly right: Expression }, env: Env): Shape {
  consume(node.left, env);
  consume(node.right, env);
  return 'other';
}

function unary(operand: Expression, env: Env): Shape {
  consume(operand, env);
  return 'other';
}

/** Whether there is something, without reading it; whether there is `meta` depends on all of it. */
function presence(source: Expression, env: Env): Shape {
  if (visit(VISITOR, source, env) === 'meta') readAllOfMeta(env.reads);
  return 'other';
}

/** Notes what an expression reads below the resource and says what its value is. */
const VISITOR: ExpressionVisitor<Shape, Env> = {
  literal: readsNothing,
  empty: readsNothing,
  rowIndex: readsNothing,
  focus: (_, env) => env.focus,
  variable: (node, env) => (node.name === 'resource' ? 'root' : env.context),
  member: (node, env) => {
    if (node.type.fhir === 'decimal') env.reads.decimals = true;
    return readProperty(visit(VISITOR, node.source, env), node.key, env);
  },
  choice: (node, env) => {
    const shape = visit(VISITOR, node.source, env);
    for (const key of node.keys) readProperty(shape, key, env);
    return 'other';
  },
  index: (node, env) => {
    consume(node.index, env);
    return visit(VISITOR, node.source, env);
  },
  filter: (node, env) => {
    const focus = visit(VISITOR, node.source, env);
    consume(node.criteria, { ...env, focus });
    return focus;
  },
  ofResourceType: (node, env) => visit(VISITOR, node.source, env),
  single: (node, env) => visit(VISITOR, node.source, env),
  exists: (node, env) => presence(node.source, env),
  count: (node, env) => presence(node.source, env),
  not: (node, env) => unary(node.operand, env),
  negate: (node, env) => unary(node.operand, env),
  logic: binary,
  equality: binary,
  comparison: binary,
  arithmetic: binary,
  concat: binary,
  join: (node, env) => {
    consume(node.separator, env);
    return unary(node.source, env);
  },
  referenceKey: (node, env) => {
    visit(VISITOR, node.source, env);
    return 'other';
  },
  boundary: (node, env) => unary(node.source, env),
};
