import type { Iteration } from '@viewmill/views';
import { compileExpression } from './compile-expression.ts';
import { allOf, type Many } from './evaluator.ts';
import type { Item } from './json.ts';

/**
 * The nodes that a select iterates over.
 * `repeat` goes depth first in document order: for each path, for each item, the item and then what the same paths find from it.
 */
export function compileIteration(iteration: Iteration, at: string): Many {
  if (iteration.kind !== 'repeat') return allOf(compileExpression(iteration.path, at));
  const paths = iteration.paths.map((path) => allOf(compileExpression(path, at)));
  return (focus, frame) => {
    const found: Item[] = [];
    const descend = (node: Item): void => {
      for (const path of paths) {
        frame.context = node;
        for (const item of path(node, frame)) {
          found.push(item);
          descend(item);
        }
      }
    };
    descend(focus);
    return found;
  };
}
