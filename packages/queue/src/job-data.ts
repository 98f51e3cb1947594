import { queryJobSchema } from '@viewmill/contracts';
import { z } from 'zod';

/** Data of a job of the queue `queries`: one query and where its answer goes. */
export const queryEnvelopeSchema = z.object({ replyTo: z.string(), query: queryJobSchema });
export type QueryEnvelope = z.output<typeof queryEnvelopeSchema>;

/**
 * A job is cancelled by a mark in its data: a waiting one is given up by the worker that takes it, a running one by its worker,
 * which looks twice a second. So a cancellation cannot be lost, and both databases do it the same way.
 */
export function isCancelled(data: unknown): boolean {
  return typeof data === 'object' && data !== null && 'cancelled' in data && data.cancelled === true;
}

/** Refreshes of the same view, and sweeps of the same scope, that wait are one job. */
export function deduplicationId(name: string, data: object): string {
  const about = 'view' in data ? data.view : 'scope' in data ? data.scope : 'views' in data ? data.views : '';
  return `${name}-${String(about ?? 'all')}`;
}
