import type { QuarantineEntry } from '@viewmill/catalog';

/** Beyond so many, resources are only counted. */
const LISTED = 10_000;

/** Resources of a build that could not be read. */
export interface QuarantineList {
  add(entry: QuarantineEntry): void;
  /** @param more how many there were, also those that are not listed */
  addAll(entries: readonly QuarantineEntry[], more: number): void;
  readonly count: number;
  readonly entries: readonly QuarantineEntry[];
}

export function quarantineList(): QuarantineList {
  const entries: QuarantineEntry[] = [];
  let count = 0;
  return {
    add(entry) {
      count += 1;
      if (entries.length < LISTED) entries.push(entry);
    },
    addAll(others, more) {
      count += more;
      entries.push(...others.slice(0, LISTED - entries.length));
    },
    get count() {
      return count;
    },
    entries,
  };
}
