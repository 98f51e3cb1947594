import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import type { Queue } from 'bullmq';
import type { JobQueue } from './backend.ts';

/** The queues as Bull Board shows them. Queries are only looked at, and the values they search for, which may name patients, are hidden. */
export function boardQueues(queues: { query: JobQueue; refresh: JobQueue }): BullMQAdapter[] {
  const queries = new BullMQAdapter(queues.query as unknown as Queue, {
    readOnlyMode: true,
    description: 'Queries that wait or run now; finished ones are not kept',
  });
  queries.setFormatter('data', hideValues);
  const refreshes = new BullMQAdapter(queues.refresh as unknown as Queue, {
    description: 'Refreshes, sweeps and drops of materialized views',
  });
  return [queries, refreshes];
}

interface Hideable {
  readonly query?: { readonly search?: { readonly conditions?: readonly object[] } };
}

/** A copy of a query job's data without search values and without the cursor, which holds some. */
export function hideValues(data: unknown): unknown {
  const search = (data as Hideable | null)?.query?.search;
  if (search === undefined) return data;
  const conditions = (search.conditions ?? []).map((condition) => ({ ...condition, values: ['[hidden]'] }));
  const { query } = data as { query: object };
  return { ...(data as object), query: { ...query, search: { ...search, conditions, cursor: null } } };
}
