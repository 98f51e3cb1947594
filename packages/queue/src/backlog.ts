/** What a backlog keeps. */
export interface Waiting {
  /** Who asks. */
  readonly client: string;
  /** Higher ones go first, whoever asks; default 0. */
  readonly priority: number;
}

/** Queries that wait to be sent. Clients take turns, so that one who asks a thousand things does not hold up one who asks one. */
export interface Backlog<T extends Waiting> {
  readonly size: number;
  add(item: T): void;
  /** @returns whether it was there. */
  delete(item: T): boolean;
  /** Takes up to `count` items out. */
  take(count: number): T[];
}

export function createBacklog<T extends Waiting>(): Backlog<T> {
  /** priority → client → items in the order they came. A client that was served goes to the end of the map. */
  const levels = new Map<number, Map<string, Set<T>>>();
  let size = 0;

  function takeOne(): T | undefined {
    const highest = levels.size === 1 ? levels.keys().next().value : Math.max(...levels.keys());
    const level = levels.get(highest ?? 0);
    const [turn] = level ?? [];
    if (level === undefined || turn === undefined) return undefined;
    const [client, items] = turn;
    const [item] = items;
    if (item === undefined) return undefined;
    remove(item);
    if (items.size > 0) {
      level.delete(client);
      level.set(client, items);
    }
    return item;
  }

  function remove(item: T): boolean {
    const level = levels.get(item.priority);
    const items = level?.get(item.client);
    if (level === undefined || items === undefined || !items.delete(item)) return false;
    size -= 1;
    if (items.size === 0) level.delete(item.client);
    if (level.size === 0) levels.delete(item.priority);
    return true;
  }

  return {
    get size() {
      return size;
    },
    add(item) {
      const level = levels.get(item.priority) ?? new Map<string, Set<T>>();
      levels.set(item.priority, level);
      const items = level.get(item.client) ?? new Set<T>();
      level.set(item.client, items);
      if (items.has(item)) return;
      items.add(item);
      size += 1;
    },
    delete: remove,
    take(count) {
      const taken: T[] = [];
      while (taken.length < count) {
        const item = takeOne();
        if (item === undefined) break;
        taken.push(item);
      }
      return taken;
    },
  };
}
