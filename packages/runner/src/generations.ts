import type { MaterializedLookup, MaterializedView } from './view-runner.ts';

/** What is known of which views are materialized. */
export interface Generations {
  /** @param fresh ask the catalog whatever is remembered. */
  current(view: string, fresh?: boolean): Promise<MaterializedView | null>;
  invalidate(view?: string): void;
  readonly hits: number;
}

/**
 * Remembers the catalog's answers, also that a view is not materialized, until told of a change; and for `keepMs` at most, in
 * case nobody tells. A generation that vanished meanwhile is noticed when it is read.
 */
export function rememberGenerations(lookup: MaterializedLookup, keepMs: number): Generations {
  const known = new Map<string, { readonly until: number; readonly answer: Promise<MaterializedView | null> }>();
  let hits = 0;
  return {
    current(view, fresh = false) {
      const kept = known.get(view);
      if (!fresh && kept !== undefined && kept.until > Date.now()) {
        hits += 1;
        return kept.answer;
      }
      const entry = { until: Date.now() + keepMs, answer: lookup.current(view) };
      known.set(view, entry);
      entry.answer.catch(() => {
        if (known.get(view) === entry) known.delete(view);
      });
      return entry.answer;
    },
    invalidate(view) {
      if (view === undefined) known.clear();
      else known.delete(view);
    },
    get hits() {
      return hits;
    },
  };
}
