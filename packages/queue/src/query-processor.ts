import { type QueryJob, type QueryResult, ViewmillError } from '@viewmill/contracts';
import { WaitingError } from 'bullmq';
import type { ActiveJobs } from './active-jobs.ts';
import type { AnyJob } from './backend.ts';
import { type FaultHandler, toPayload } from './faults.ts';
import { isCancelled, queryEnvelopeSchema } from './job-data.ts';
import { encodeReply, type Reply, type ReplyChannel } from './reply-channel.ts';

export interface QueryContext {
  /** Aborted when nobody waits for the answer any more, or the worker is shut down. */
  readonly signal: AbortSignal;
  /** Milliseconds since 1970. */
  readonly enqueuedAt: number;
}

export type QueryHandler = (job: QueryJob, context: QueryContext) => Promise<QueryResult>;

/**
 * Answers one query job. Its errors go to the caller like results, so for BullMQ every query completes, is removed,
 * and leaves neither search values nor rows behind.
 */
export function queryProcessor(handler: QueryHandler, replies: ReplyChannel, active: ActiveJobs, onError: FaultHandler) {
  return async (job: AnyJob, token?: string): Promise<null> => {
    if (isCancelled(job.data)) return null;
    const envelope = queryEnvelopeSchema.safeParse(job.data);
    if (!envelope.success) {
      await refuse(job, replies, onError);
      return null;
    }
    const { query, replyTo } = envelope.data;
    if (Date.now() >= query.deadline) return null;
    let stopped: unknown;
    const reply = await active.track(
      job,
      async (signal) => {
        const answer = await attempt(job, () => handler(query, { signal, enqueuedAt: job.timestamp }), signal, onError);
        stopped = signal.aborted ? signal.reason : undefined;
        return answer;
      },
      query.deadline,
    );
    if (stopped === 'shutdown' && 'error' in reply) {
      await job.moveToWait(token);
      throw new WaitingError();
    }
    if (stopped === undefined || stopped === 'shutdown') await replies.send(replyTo, encodeReply(reply));
    return null;
  };
}

async function attempt(
  job: AnyJob,
  work: () => Promise<QueryResult>,
  signal: AbortSignal,
  onError: FaultHandler,
): Promise<Reply> {
  const id = job.id ?? '';
  try {
    return { id, result: await work() };
  } catch (error) {
    // What breaks because it was stopped is nobody's fault.
    const told = signal.aborted && !(error instanceof ViewmillError) ? new ViewmillError('VM3006', 'stopped') : error;
    return { id, error: toPayload(told, onError) };
  }
}

/** Data of another version of the API: it is told, if it says where. */
async function refuse(job: AnyJob, replies: ReplyChannel, onError: FaultHandler): Promise<void> {
  const to = (job.data as { replyTo?: unknown } | null)?.replyTo;
  const error = new ViewmillError('VM2001', 'the worker does not understand this query; is it of another version?');
  if (typeof to === 'string') await replies.send(to, encodeReply({ id: job.id ?? '', error: toPayload(error, onError) }));
  else onError(error);
}
