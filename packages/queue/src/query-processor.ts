import { type QueryJob, type QueryResult, type StreamHead, ViewmillError } from '@viewmill/contracts';
import { WaitingError } from 'bullmq';
import type { StopReason } from './active-jobs.ts';
import type { ActiveQueries, ActiveQuery } from './active-queries.ts';
import type { AnyJob } from './backend.ts';
import { type FaultHandler, toPayload } from './faults.ts';
import { type BatchData, type BatchEntry, batchSchema, isCancelled } from './job-data.ts';
import { encodeReply, type Reply, type ReplyChannel } from './reply-channel.ts';
import type { Slots } from './slots.ts';
import { createStreamWriter } from './stream-writer.ts';

export interface QueryContext {
  /** Aborted when nobody waits for the answer any more, or the worker is shut down. */
  readonly signal: AbortSignal;
  /** Milliseconds since 1970. */
  readonly enqueuedAt: number;
  /**
   * Sends rows of a query that asks for a stream; wait for it before more is read. The handler's result is then `streamed`.
   * @throws ViewmillError VM3007 when the reader takes nothing for a minute.
   */
  readonly write: (head: StreamHead, text: string) => Promise<void>;
}

export type QueryHandler = (job: QueryJob, context: QueryContext) => Promise<QueryResult>;

export interface QueryProcessorOptions {
  readonly handler: QueryHandler;
  readonly replies: ReplyChannel;
  readonly active: ActiveQueries;
  /** The worker's capacity of this lane. */
  readonly slots: Slots;
  readonly onError: FaultHandler;
}

/** Milliseconds from a batch's last query being begun until the caller is told, unless all of it is answered by then. */
const BEGUN_MS = 5;

/**
 * Answers a batch of queries, each as soon as it is done. Their errors go to the callers like results, so for BullMQ every batch completes,
 * is removed, and leaves neither search values nor rows behind.
 */
export function queryProcessor({ handler, replies, active, slots, onError }: QueryProcessorOptions) {
  /** @returns false if the query must be asked again, of another worker. */
  async function answer({ id, query, at }: BatchEntry, replyTo: string, running: ActiveQuery): Promise<boolean> {
    const { signal } = running;
    const writer = createStreamWriter(id, running, (reply) => replies.send(replyTo, encodeReply(reply)));
    const reply = await attempt(id, signal, onError, async () => {
      const result = await handler(query, { signal, enqueuedAt: at, write: writer.write });
      return writer.last(result);
    });
    const stopped = signal.aborted ? (signal.reason as StopReason) : undefined;
    if (stopped === 'shutdown' && 'error' in reply) {
      if (!writer.hasSent()) return false;
      const error = new ViewmillError('VM3030', 'the worker that sent it is being stopped');
      await replies.send(replyTo, encodeReply({ id, error: toPayload(error, onError) }));
      return true;
    }
    if (stopped === undefined || stopped === 'shutdown') await replies.send(replyTo, encodeReply(reply));
    return true;
  }

  async function process(job: AnyJob, { replyTo, queries }: BatchData): Promise<BatchEntry[]> {
    const left: BatchEntry[] = [];
    let toBegin = queries.length;
    let telling: NodeJS.Timeout | undefined;
    const begin = (): void => {
      toBegin -= 1;
      if (toBegin > 0) return;
      telling = setTimeout(() => {
        replies.send(replyTo, encodeReply({ begun: job.id ?? '' })).catch(onError);
      }, BEGUN_MS);
    };
    const all = queries.map(async (entry) => {
      const running = active.open(job, entry.id, entry.query.deadline);
      let answered = false;
      try {
        await slots.run(running.signal, async () => {
          begin();
          answered = true;
          if (!(await answer(entry, replyTo, running))) left.push(entry);
        });
        if (answered) return;
        begin();
        if (running.signal.reason === 'shutdown') left.push(entry);
      } finally {
        running.close();
      }
    });
    const outcomes = await Promise.allSettled(all);
    clearTimeout(telling);
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    return left;
  }

  return async (job: AnyJob, token?: string): Promise<null> => {
    if (isCancelled(job.data)) return null;
    const batch = batchSchema.safeParse(job.data);
    if (!batch.success) {
      await refuse(job, replies, onError);
      return null;
    }
    const { replyTo, queries } = batch.data;
    const now = Date.now();
    const left = await process(job, { replyTo, queries: queries.filter(({ query }) => query.deadline > now) });
    if (left.length === 0) return null;
    // Only what has no answer is asked again.
    await job.updateData({ replyTo, queries: left } satisfies BatchData);
    await job.moveToWait(token);
    throw new WaitingError();
  };
}

async function attempt(id: string, signal: AbortSignal, onError: FaultHandler, work: () => Promise<Reply>): Promise<Reply> {
  try {
    return await work();
  } catch (error) {
    // What breaks because it was stopped is nobody's fault.
    const told = signal.aborted && !(error instanceof ViewmillError) ? new ViewmillError('VM3006', 'stopped') : error;
    return { id, error: toPayload(told, onError) };
  }
}

/** Data of another version of the API: it is told, if it says where. */
async function refuse(job: AnyJob, replies: ReplyChannel, onError: FaultHandler): Promise<void> {
  const data = job.data as { replyTo?: unknown; queries?: unknown } | null;
  const error = new ViewmillError('VM2001', 'the worker does not understand this query; is it of another version?');
  if (typeof data?.replyTo !== 'string' || !Array.isArray(data.queries)) return void onError(error);
  for (const entry of data.queries as { id?: unknown }[])
    await replies.send(data.replyTo, encodeReply({ id: String(entry?.id), error: toPayload(error, onError) }));
}
