import { LANES, type Lane, QUEUE_NAMES } from '@viewmill/contracts';

/** The first lane keeps the name that the only queue of queries once had. */
export function laneQueueName(lane: Lane): string {
  return lane === 'interactive' ? QUEUE_NAMES.query : `${QUEUE_NAMES.query}-${lane}`;
}

export function byLane<T>(make: (lane: Lane) => T): Readonly<Record<Lane, T>> {
  return Object.fromEntries(LANES.map((lane) => [lane, make(lane)])) as unknown as Record<Lane, T>;
}
