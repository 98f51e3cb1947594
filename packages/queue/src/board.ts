import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { LANES, type Lane } from '@viewmill/contracts';
import type { Queue } from 'bullmq';
import type { JobQueue } from './backend.ts';

/** The queues as Bull Board shows them. Queries are only looked at, and the values they search for, which may name patients, are hidden. */
export function boardQueues(queues: { lanes: Readonly<Record<Lane, JobQueue>>; refresh: JobQueue }): BullMQAdapter[] {
  const lanes = LANES.map((lane) => {
    const adapter = new BullMQAdapter(queues.lanes[lane] as unknown as Queue, {
      readOnlyMode: true,
      description: `Batches of queries that wait or run now (${lane}); finished ones are not kept`,
    });
    adapter.setFormatter('data', hideValues);
    return adapter;
  });
  const refreshes = new BullMQAdapter(queues.refresh as unknown as Queue, {
    description: 'Refreshes, sweeps and drops of materialized views',
  });
  return [...lanes, refreshes];
}

interface Hideable {
  readonly queries?: readonly { readonly query?: { readonly search?: { readonly conditions?: readonly object[] } } }[];
}

/** A copy of a batch's data without search values and without cursors, which hold some. */
export function hideValues(data: unknown): unknown {
  const queries = (data as Hideable | null)?.queries;
  if (!Array.isArray(queries)) return data;
  return { ...(data as object), queries: (queries as NonNullable<Hideable['queries']>).map(hideQuery) };
}

function hideQuery(entry: NonNullable<Hideable['queries']>[number]): object {
  const search = entry.query?.search;
  if (search === undefined) return entry;
  const conditions = (search.conditions ?? []).map((condition) => ({ ...condition, values: ['[hidden]'] }));
  return { ...entry, query: { ...entry.query, search: { ...search, conditions, cursor: null } } };
}
