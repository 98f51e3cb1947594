import { type Lane, ViewmillError } from '@viewmill/contracts';

export interface Admission {
  /**
   * @returns a function to call once, when the query has its answer or nobody waits for it.
   * @throws ViewmillError VM3008 when too many queries of the lane wait, VM2011 when too many of this client do.
   */
  enter(lane: Lane, client: string): () => void;
}

/** Counts what waits, so that too much of it is refused before memory grows, and first of all to those who ask too much. */
export function createAdmission({
  maxPending,
  maxPendingOfClient,
}: {
  readonly maxPending: number;
  readonly maxPendingOfClient: number;
}): Admission {
  const lanes = new Map<string, number>();
  const clients = new Map<string, number>();

  function change(counts: Map<string, number>, key: string, by: number): void {
    const count = (counts.get(key) ?? 0) + by;
    if (count === 0) counts.delete(key);
    else counts.set(key, count);
  }

  return {
    enter(lane, client) {
      const key = `${lane} ${client}`;
      const waiting = lanes.get(lane) ?? 0;
      if (waiting >= maxPending) throw new ViewmillError('VM3008', `${waiting} queries are waiting already`);
      const own = clients.get(key) ?? 0;
      if (own >= maxPendingOfClient) throw new ViewmillError('VM2011', `${own} queries of this client are waiting already`);
      change(lanes, lane, 1);
      change(clients, key, 1);
      return () => {
        change(lanes, lane, -1);
        change(clients, key, -1);
      };
    },
  };
}
