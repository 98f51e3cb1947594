export { compilePath } from './compile.ts';
export { isReservedConstant } from './constants.ts';
export * from './expression.ts';
export { isTemporalText } from './literals.ts';
export {
  elementNames,
  elementOf,
  isA,
  isResource,
  isResourceType,
  isTypeName,
  resourceTypes,
  typeNames,
  valueType,
} from './model.ts';
export type { CompileOptions, Constant } from './scope.ts';
export { didYouMean } from './suggest.ts';
