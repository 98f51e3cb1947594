/** Keeps the smallest of what is offered, so many at most: a binary heap with the largest on top. */
export interface Smallest<T> {
  /** Whether it would be kept; asked before it is made. */
  wants(place: T): boolean;
  /** @returns what had to go for it. */
  add(item: T): T | undefined;
  /** In order. */
  sorted(): T[];
}

export function smallest<T>(capacity: number, compare: (a: T, b: T) => number): Smallest<T> {
  const heap: T[] = [];
  const at = (index: number): T => heap[index] as T;
  const swap = (a: number, b: number): void => {
    const kept = at(a);
    heap[a] = at(b);
    heap[b] = kept;
  };

  function rise(from: number): void {
    for (let index = from; index > 0; ) {
      const parent = (index - 1) >> 1;
      if (compare(at(index), at(parent)) <= 0) return;
      swap(index, parent);
      index = parent;
    }
  }

  function sink(): void {
    for (let index = 0; ; ) {
      const left = 2 * index + 1;
      if (left >= heap.length) return;
      const larger = left + 1 < heap.length && compare(at(left + 1), at(left)) > 0 ? left + 1 : left;
      if (compare(at(index), at(larger)) >= 0) return;
      swap(index, larger);
      index = larger;
    }
  }

  return {
    wants: (place) => heap.length < capacity || (capacity > 0 && compare(place, at(0)) < 0),
    add(item) {
      if (heap.length < capacity) {
        heap.push(item);
        rise(heap.length - 1);
        return undefined;
      }
      const gone = at(0);
      heap[0] = item;
      sink();
      return gone;
    },
    sorted: () => heap.sort(compare),
  };
}
