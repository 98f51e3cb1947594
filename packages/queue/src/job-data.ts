import { queryJobSchema } from '@viewmill/contracts';
import { z } from 'zod';

/** Data of a job of a lane: a batch of queries of one process, and where their answers go. */
export const batchSchema = z.object({
  replyTo: z.string(),
  queries: z.array(z.object({ id: z.string(), query: queryJobSchema, at: z.number() })).min(1),
});
export type BatchData = z.output<typeof batchSchema>;
export type BatchEntry = BatchData['queries'][number];

/**
 * A job is cancelled by a mark in its data: a waiting one is given up by the worker that takes it, a running one by its worker,
 * which looks twice a second. So a cancellation cannot be lost, and both databases do it the same way.
 */
export function isCancelled(data: unknown): boolean {
  return typeof data === 'object' && data !== null && 'cancelled' in data && data.cancelled === true;
}

/** Ids of the queries that a batch still has; those whose callers are gone were taken out of it. */
export function idsOf(data: unknown): ReadonlySet<string> {
  if (isCancelled(data) || typeof data !== 'object' || data === null || !('queries' in data)) return new Set();
  return new Set((data.queries as readonly BatchEntry[]).map(({ id }) => id));
}

/** Refreshes of the same view, and sweeps of the same scope, that wait are one job. */
export function deduplicationId(name: string, data: object): string {
  const about = 'view' in data ? data.view : 'scope' in data ? data.scope : 'views' in data ? data.views : '';
  return `${name}-${String(about ?? 'all')}`;
}
