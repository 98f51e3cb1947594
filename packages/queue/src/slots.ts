/** Capacity that jobs share: work beyond it waits in the order it came. */
export interface Slots {
  /** Runs the work once there is a free slot. Work whose signal is aborted while it waits is not begun. */
  run(signal: AbortSignal, work: () => Promise<void>): Promise<void>;
}

export function createSlots(count: number): Slots {
  let free = count;
  const waiting = new Set<() => void>();

  function next(): void {
    const [first] = waiting;
    if (first === undefined) free += 1;
    else first();
  }

  return {
    async run(signal, work) {
      if (signal.aborted) return;
      if (free > 0) free -= 1;
      else {
        const taken = await new Promise<boolean>((resolve) => {
          const settle = (mine: boolean) => (): void => {
            waiting.delete(take);
            signal.removeEventListener('abort', leave);
            resolve(mine);
          };
          const take = settle(true);
          const leave = settle(false);
          waiting.add(take);
          signal.addEventListener('abort', leave);
        });
        if (!taken) return;
      }
      try {
        if (!signal.aborted) await work();
      } finally {
        next();
      }
    },
  };
}
