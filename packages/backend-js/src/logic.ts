import type { Logic } from '@viewmill/fhirpath';
import type { One } from './evaluator.ts';
import type { Item } from './json.ts';

/** Three-valued logic (FHIRPath §6.5): undefined is unknown. The right side is not evaluated when the left one decides. */
export function compileLogic(operator: Logic['operator'], left: One, right: One): One {
  switch (operator) {
    case 'and':
      return (focus, frame) => {
        const a = left(focus, frame);
        if (a === false) return false;
        const b = right(focus, frame);
        if (b === false) return false;
        return a === true && b === true ? true : undefined;
      };
    case 'or':
      return (focus, frame) => {
        const a = left(focus, frame);
        if (a === true) return true;
        const b = right(focus, frame);
        if (b === true) return true;
        return a === false && b === false ? false : undefined;
      };
    case 'xor':
      return (focus, frame) => {
        const a = left(focus, frame);
        const b = right(focus, frame);
        return a === undefined || b === undefined ? undefined : a !== b;
      };
    case 'implies':
      return (focus, frame) => {
        const a = left(focus, frame);
        if (a === false) return true;
        const b = right(focus, frame);
        if (b === true) return true;
        return a === true && b === false ? false : undefined;
      };
  }
}

export function not(value: Item | undefined): boolean | undefined {
  return typeof value === 'boolean' ? !value : undefined;
}
