export { dropView } from './drop-view.ts';
export type { DropOptions, Place, RefreshOptions } from './options.ts';
export { refreshView } from './refresh-view.ts';
