import { ViewmillError } from '@viewmill/contracts';
import { type Expression, type ExpressionVisitor, type Literal, visit } from '@viewmill/fhirpath';
import { BOUNDARY } from './boundary.ts';
import { EQUAL, equalCollections, ORDER } from './equality.ts';
import { allOf, type Evaluator, firstOf, type One, several, single } from './evaluator.ts';
import { type Item, NONE, properties, property } from './json.ts';
import { compileLogic, not } from './logic.ts';
import { ARITHMETIC, isNumeric, negate, numericOf } from './numbers.ts';

/** Where the expression stands in the ViewDefinition, for errors. */
type Place = string;

/** A relative literal reference (R4, References): type, id, and perhaps a version. */
const RELATIVE_REFERENCE = /^[A-Z][A-Za-z]*\/[A-Za-z0-9\-.]+(?:\/_history\/[A-Za-z0-9\-.]+)?$/;

/**
 * Compiles an expression into closures, one a node.
 * @param at the place in the ViewDefinition that errors name, e.g. `select[0].column[2]`.
 * The evaluator throws ViewmillError VM1201 where a `single` node meets several items.
 */
export function compileExpression(node: Expression, at: string): Evaluator {
  return visit(VISITOR, node, at);
}

/** For operands that the compiler has made single. */
function compileOne(node: Expression, at: Place): One {
  return firstOf(compileExpression(node, at));
}

/** `first()`: stops at the first item and makes no array where the source is a filter or a member. */
function compileFirst(node: Expression, at: Place): One {
  if (!node.many || (node.kind !== 'filter' && node.kind !== 'member')) return compileOne(node, at);
  const all = allOf(compileExpression(node.source, at));
  if (node.kind === 'filter') {
    const criteria = compileOne(node.criteria, at);
    return (focus, frame) => all(focus, frame).find((item) => criteria(item, frame) === true);
  }
  const { key } = node;
  return (focus, frame) => {
    for (const item of all(focus, frame)) {
      const value = property(item, key);
      if (value !== undefined) return value;
    }
    return undefined;
  };
}

const VISITOR: ExpressionVisitor<Evaluator, Place> = {
  literal: (node) => {
    const value = literalItem(node);
    return single(() => value);
  },

  empty: (node) => (node.many ? several(() => NONE) : single(() => undefined)),

  focus: () => single((focus) => focus),

  variable: (node) => (node.name === 'resource' ? single((_, frame) => frame.resource) : single((_, frame) => frame.context)),

  rowIndex: () => single((_, frame) => frame.rowIndex),

  member: (node, at) => {
    const { key } = node;
    const source = compileExpression(node.source, at);
    if (source.many) {
      const { all } = source;
      return several((focus, frame) => {
        const items = all(focus, frame);
        if (items.length === 0) return NONE;
        if (items.length === 1) return properties(items[0], key);
        const found: Item[] = [];
        for (const item of items) for (const value of properties(item, key)) found.push(value);
        return found;
      });
    }
    const { one } = source;
    if (node.source.kind === 'focus')
      return node.many ? several((focus) => properties(focus, key)) : single((focus) => property(focus, key));
    return node.many
      ? several((focus, frame) => properties(one(focus, frame), key))
      : single((focus, frame) => property(one(focus, frame), key));
  },

  choice: (node, at) => {
    const { keys } = node;
    const source = compileExpression(node.source, at);
    if (node.many) {
      const all = allOf(source);
      return several((focus, frame) => all(focus, frame).flatMap((item) => keys.flatMap((key) => properties(item, key))));
    }
    const one = firstOf(source);
    return single((focus, frame) => {
      const item = one(focus, frame);
      for (const key of keys) {
        const value = property(item, key);
        if (value !== undefined) return value;
      }
      return undefined;
    });
  },

  index: (node, at) => {
    if (node.index.kind === 'literal' && node.index.value === '0') return single(compileFirst(node.source, at));
    const source = compileExpression(node.source, at);
    const index = compileOne(node.index, at);
    const all = allOf(source);
    return single((focus, frame) => {
      const position = index(focus, frame);
      return typeof position === 'number' ? all(focus, frame)[position] : undefined;
    });
  },

  filter: (node, at) => {
    const source = compileExpression(node.source, at);
    const criteria = compileOne(node.criteria, at);
    if (source.many) {
      const { all } = source;
      return several((focus, frame) => all(focus, frame).filter((item) => criteria(item, frame) === true));
    }
    const { one } = source;
    return single((focus, frame) => {
      const item = one(focus, frame);
      return item !== undefined && criteria(item, frame) === true ? item : undefined;
    });
  },

  ofResourceType: (node, at) => {
    const { resourceType } = node;
    const source = compileExpression(node.source, at);
    if (source.many) {
      const { all } = source;
      return several((focus, frame) => all(focus, frame).filter((item) => property(item, 'resourceType') === resourceType));
    }
    const { one } = source;
    return single((focus, frame) => {
      const item = one(focus, frame);
      return property(item, 'resourceType') === resourceType ? item : undefined;
    });
  },

  exists: (node, at) => {
    const { negate: empty } = node;
    if (node.source.kind === 'filter' && node.source.many) {
      // exists(criteria): the first item that passes is enough, and no array is made.
      const all = allOf(compileExpression(node.source.source, at));
      const criteria = compileOne(node.source.criteria, at);
      return single((focus, frame) => all(focus, frame).some((item) => criteria(item, frame) === true) !== empty);
    }
    const source = compileExpression(node.source, at);
    if (source.many) {
      const { all } = source;
      return single((focus, frame) => all(focus, frame).length > 0 !== empty);
    }
    const { one } = source;
    return single((focus, frame) => (one(focus, frame) !== undefined) !== empty);
  },

  count: (node, at) => {
    const all = allOf(compileExpression(node.source, at));
    return single((focus, frame) => all(focus, frame).length);
  },

  not: (node, at) => {
    const operand = compileOne(node.operand, at);
    return single((focus, frame) => not(operand(focus, frame)));
  },

  logic: (node, at) => single(compileLogic(node.operator, compileOne(node.left, at), compileOne(node.right, at))),

  equality: (node, at) => {
    const { negate: unequal } = node;
    const equal = EQUAL[node.compareAs];
    const left = compileExpression(node.left, at);
    const right = compileExpression(node.right, at);
    if (left.many || right.many) {
      const [lefts, rights] = [allOf(left), allOf(right)];
      return single((focus, frame) => {
        const answer = equalCollections(lefts(focus, frame), rights(focus, frame), equal);
        return answer === undefined ? undefined : answer !== unequal;
      });
    }
    const { one: a } = left;
    const { one: b } = right;
    if (node.compareAs === 'string' && node.right.kind === 'literal') {
      const text = node.right.value;
      return single((focus, frame) => {
        const value = a(focus, frame);
        return value === undefined ? undefined : (value === text) !== unequal;
      });
    }
    return single((focus, frame) => {
      const x = a(focus, frame);
      const y = b(focus, frame);
      if (x === undefined || y === undefined) return undefined;
      const answer = equal(x, y);
      return answer === undefined ? undefined : answer !== unequal;
    });
  },

  comparison: (node, at) => {
    const { operator } = node;
    const order = ORDER[node.compareAs];
    const left = compileOne(node.left, at);
    const right = compileOne(node.right, at);
    const holds = HOLDS[operator];
    return single((focus, frame) => {
      const x = left(focus, frame);
      const y = right(focus, frame);
      if (x === undefined || y === undefined) return undefined;
      const difference = order(x, y);
      return difference === undefined ? undefined : holds(difference);
    });
  },

  arithmetic: (node, at) => {
    const operation = ARITHMETIC[node.operator];
    const left = compileOne(node.left, at);
    const right = compileOne(node.right, at);
    return single((focus, frame) => {
      const x = left(focus, frame);
      const y = right(focus, frame);
      return isNumeric(x) && isNumeric(y) ? operation(x, y) : undefined;
    });
  },

  negate: (node, at) => {
    const operand = compileOne(node.operand, at);
    return single((focus, frame) => {
      const value = operand(focus, frame);
      return isNumeric(value) ? negate(value) : undefined;
    });
  },

  concat: (node, at) => {
    const left = compileOne(node.left, at);
    const right = compileOne(node.right, at);
    if (node.emptyAsText) return single((focus, frame) => `${left(focus, frame) ?? ''}${right(focus, frame) ?? ''}`);
    return single((focus, frame) => {
      const x = left(focus, frame);
      const y = right(focus, frame);
      return x === undefined || y === undefined ? undefined : `${x}${y}`;
    });
  },

  join: (node, at) => {
    const all = allOf(compileExpression(node.source, at));
    const separator = compileOne(node.separator, at);
    return single((focus, frame) => {
      // The conformance suite wants '' for an empty source, where FHIRPath's functions are empty.
      return all(focus, frame).join(String(separator(focus, frame) ?? ''));
    });
  },

  referenceKey: (node, at) => {
    const { resourceType } = node;
    const source = compileExpression(node.source, at);
    if (!source.many) {
      const { one } = source;
      return single((focus, frame) => referenceKey(one(focus, frame), resourceType));
    }
    const { all } = source;
    return several((focus, frame) => all(focus, frame).flatMap((item) => referenceKey(item, resourceType) ?? NONE));
  },

  boundary: (node, at) => {
    const { side } = node;
    const source = compileOne(node.source, at);
    const boundary = BOUNDARY[node.of];
    return single((focus, frame) => {
      const value = source(focus, frame);
      return value === undefined ? undefined : boundary(value, side);
    });
  },

  single: (node, at) => {
    const source = compileExpression(node.source, at);
    return single(source.many ? onlyOne(source, at, node.at) : source.one);
  },
};

/** At most one item, or VM1201. */
export function onlyOne(source: Evaluator, at: string, text: string): One {
  const all = allOf(source);
  return (focus, frame) => {
    const items = all(focus, frame);
    if (items.length > 1) throw new ViewmillError('VM1201', `${at}: several values where one is expected: ${text}`, { at });
    return items[0];
  };
}

const HOLDS: Readonly<Record<'<' | '<=' | '>' | '>=', (difference: number) => boolean>> = {
  '<': (difference) => difference < 0,
  '<=': (difference) => difference <= 0,
  '>': (difference) => difference > 0,
  '>=': (difference) => difference >= 0,
};

function literalItem({ value, type }: Literal): Item {
  if (typeof value === 'boolean') return value;
  return type.system === 'Integer' || type.system === 'Decimal' ? numericOf(value) : value;
}

function referenceKey(item: Item | undefined, resourceType: string | null): string | undefined {
  const reference = property(item, 'reference');
  if (typeof reference !== 'string' || !RELATIVE_REFERENCE.test(reference)) return undefined;
  const slash = reference.indexOf('/');
  if (resourceType !== null && reference.slice(0, slash) !== resourceType) return undefined;
  const end = reference.indexOf('/', slash + 1);
  return end === -1 ? reference.slice(slash + 1) : reference.slice(slash + 1, end);
}
