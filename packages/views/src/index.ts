export { type BuiltInView, builtInViews } from './built-in.ts';
export { compileView, validateView } from './compile-view.ts';
export { COMPILER_VERSION } from './hash.ts';
export { indexHints } from './index-hints.ts';
export * from './plan.ts';
export { type ViewDefinition, viewDefinitionSchema } from './schema.ts';
