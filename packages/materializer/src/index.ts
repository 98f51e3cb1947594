export { dropView } from './drop-view.ts';
export type { DropOptions, Place, RefreshOptions } from './options.ts';
export { refreshTogether, type SetOptions } from './refresh-together.ts';
export { refreshView } from './refresh-view.ts';
