import type { FunctionHandler } from '../scope.ts';
import { boundaryFunctions } from './boundary.ts';
import { existenceFunctions } from './existence.ts';
import { filterFunctions } from './filtering.ts';
import { keyFunctions } from './keys.ts';
import { stringFunctions } from './strings.ts';
import { typeFunctions } from './types.ts';

/** Every supported function by its name; a name that is not here is an error. */
export const FUNCTIONS: Readonly<Record<string, FunctionHandler>> = Object.freeze({
  ...filterFunctions,
  ...existenceFunctions,
  ...typeFunctions,
  ...keyFunctions,
  ...stringFunctions,
  ...boundaryFunctions,
});
