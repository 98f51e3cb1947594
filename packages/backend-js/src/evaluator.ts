import { asItems } from './equality.ts';
import type { Item, JsonObject } from './json.ts';

/** What an evaluation knows besides its focus. One frame lives as long as its row function; it is set, not made, for each node. */
export interface Frame {
  resource: JsonObject;
  context: Item;
  rowIndex: number;
}

export type One = (focus: Item, frame: Frame) => Item | undefined;
export type Many = (focus: Item, frame: Frame) => readonly Item[];

/** A compiled expression. Which of the two it is follows from `Expression.many`: single items are never put into arrays. */
export type Evaluator = { readonly many: false; readonly one: One } | { readonly many: true; readonly all: Many };

export const single = (one: One): Evaluator => ({ many: false, one });
export const several = (all: Many): Evaluator => ({ many: true, all });

/** As a collection, whichever it is. */
export function allOf(evaluator: Evaluator): Many {
  if (evaluator.many) return evaluator.all;
  const { one } = evaluator;
  return (focus, frame) => asItems(one(focus, frame));
}

/** The first item, or the only one. */
export function firstOf(evaluator: Evaluator): One {
  if (!evaluator.many) return evaluator.one;
  const { all } = evaluator;
  return (focus, frame) => all(focus, frame)[0];
}
