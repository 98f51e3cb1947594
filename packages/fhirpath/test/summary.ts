import { type Expression, type ExpressionVisitor, visit } from '@viewmill/fhirpath';

const two =
  (name: string) =>
  (node: { readonly left: Expression; readonly right: Expression }): string =>
    `(${summary(node.left)} ${name} ${summary(node.right)})`;

const VISITOR: ExpressionVisitor<string, null> = {
  literal: (node) => `${node.type.fhir}:${String(node.value)}`,
  empty: () => '{}',
  focus: () => '$',
  variable: (node) => `%${node.name}`,
  rowIndex: () => '%rowIndex',
  member: (node) => `${summary(node.source)}.${node.key}${node.many ? '*' : ''}`,
  choice: (node) => `${summary(node.source)}.(${node.keys.join('|')})${node.many ? '*' : ''}`,
  index: (node) => `${summary(node.source)}[${summary(node.index)}]`,
  filter: (node) => `${summary(node.source)}.where(${summary(node.criteria)})`,
  ofResourceType: (node) => `${summary(node.source)}.resource(${node.resourceType})`,
  exists: (node) => `${node.negate ? 'empty' : 'exists'}(${summary(node.source)})`,
  count: (node) => `count(${summary(node.source)})`,
  not: (node) => `not(${summary(node.operand)})`,
  logic: (node) => two(node.operator)(node),
  equality: (node) => two(`${node.negate ? '!=' : '='}${node.compareAs}`)(node),
  comparison: (node) => two(`${node.operator}${node.compareAs}`)(node),
  arithmetic: (node) => two(node.operator)(node),
  negate: (node) => `-${summary(node.operand)}`,
  concat: (node) => two(node.emptyAsText ? '&' : '++')(node),
  join: (node) => `join(${summary(node.source)}, ${summary(node.separator)})`,
  referenceKey: (node) => `key(${summary(node.source)}${node.resourceType === null ? '' : `, ${node.resourceType}`})`,
  boundary: (node) => `${node.side}.${node.of}(${summary(node.source)})`,
  single: (node) => `one(${summary(node.source)})`,
};

/** An expression in a short form that shows every node: `$.name*.family*`; `*` marks what can be many. */
export function summary(node: Expression): string {
  return visit(VISITOR, node, null);
}
