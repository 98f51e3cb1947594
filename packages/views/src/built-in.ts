import { readdirSync, readFileSync } from 'node:fs';

/** Beside both src and dist. */
const FOLDER = new URL('../definitions/', import.meta.url);

export interface BuiltInView {
  readonly name: string;
  readonly definition: Readonly<Record<string, unknown>>;
}

/** The ViewDefinitions that come with Viewmill, by name. Read from the package's folder `definitions` at every call. */
export function builtInViews(): BuiltInView[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => {
      const definition = JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')) as Record<string, unknown>;
      return { name: file.slice(0, -'.json'.length), definition };
    });
}
