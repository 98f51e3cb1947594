import { randomUUID } from 'node:crypto';
import { fromErrorPayload, type QueryJob, type QueryResult, ViewmillError } from '@viewmill/contracts';
import type { JobQueue } from './backend.ts';
import type { QueryEnvelope } from './job-data.ts';
import type { QueueSettings } from './options.ts';
import { decodeReply, type ReplyChannel } from './reply-channel.ts';
import { within } from './within.ts';

export interface QueryOptions {
  /** How long the query may wait and run, in milliseconds. */
  readonly timeoutMs: number;
  /** Aborted when the client is gone: the job is removed, or its worker told to stop. */
  readonly signal?: AbortSignal;
}

export interface Queries {
  /**
   * Has a worker answer a query.
   * @throws ViewmillError what the worker threw; VM3001 no worker took it in time or its worker died; VM3003 the queue does not answer;
   *   VM3006 aborted by the caller; VM3007 taken but not finished in time; VM3008 too many queries of this process are waiting.
   */
  run(job: QueryJob, options: QueryOptions): Promise<QueryResult>;
  close(): Promise<void>;
}

/** A query waits in `backlog`, then is being added, then is in the queue, then settled. */
interface Pending {
  readonly id: string;
  readonly query: QueryJob;
  stage: 'backlog' | 'adding' | 'queued';
  addedAt: number;
  /** Seen to be neither in the queue nor answered. */
  missing: number;
  readonly settle: (outcome: QueryResult | ViewmillError) => void;
}

/** How often, in milliseconds, queries that take long are looked up: has the job vanished without an answer? */
const LOOK_MS = 2000;
/** How long, in milliseconds, an answer may take to arrive after its job is gone, and the queue to answer at all. */
const GRACE_MS = 1000;

export function createQueries(queue: JobQueue, replies: ReplyChannel, settings: QueueSettings): Queries {
  const pending = new Map<string, Pending>();
  const backlog = new Set<Pending>();
  let inFlight = 0;
  let looking: NodeJS.Timeout | undefined;

  function deliver(frame: string): void {
    try {
      const reply = decodeReply(frame);
      pending.get(reply.id)?.settle('error' in reply ? fromErrorPayload(reply.error) : reply.result);
    } catch (error) {
      settings.onError(error);
    }
  }

  /** Once, with the first query: a process that only works asks nothing. */
  function listen(): void {
    if (looking !== undefined) return;
    replies.listen(deliver);
    looking = setInterval(() => void look().catch(settings.onError), LOOK_MS);
    looking.unref();
  }

  /** Sends what may be sent. One query is one job; queries that form one job together would be taken from the backlog here. */
  function pump(): void {
    for (const entry of backlog) {
      if (inFlight >= settings.maxInFlight) return;
      backlog.delete(entry);
      inFlight += 1;
      void add(entry);
    }
  }

  async function add(entry: Pending): Promise<void> {
    entry.stage = 'adding';
    const data: QueryEnvelope = { replyTo: replies.inbox, query: entry.query };
    try {
      await queue.add(entry.query.kind, data, { jobId: entry.id, removeOnComplete: true, removeOnFail: true });
      entry.stage = 'queued';
      entry.addedAt = Date.now();
      // Settled meanwhile (aborted or out of time): nobody wants the answer any more.
      if (!pending.has(entry.id)) await withdraw(entry.id);
    } catch (cause) {
      entry.settle(silent(cause));
    }
  }

  /** Takes a job back: removed if no worker has it, else marked as cancelled, which also wipes the search from its data. */
  async function withdraw(id: string): Promise<'waiting' | 'active' | 'gone'> {
    const job = await queue.getJob(id);
    if (job === undefined) return 'gone';
    try {
      await job.remove();
      return 'waiting';
    } catch {
      // Held by a worker.
      const told = await job.updateData({ cancelled: true }).then(
        () => true,
        () => false,
      );
      return told ? 'active' : 'gone';
    }
  }

  async function expire(entry: Pending): Promise<void> {
    if (entry.stage === 'backlog') return entry.settle(noWorker());
    if (entry.stage === 'adding') return entry.settle(silent());
    const state = await within(withdraw(entry.id), GRACE_MS, 'unknown' as const);
    if (state === 'unknown') return entry.settle(silent());
    if (state === 'waiting') return entry.settle(noWorker());
    if (state === 'active')
      return entry.settle(new ViewmillError('VM3007', 'a worker took the query but did not finish it in time'));
    setTimeout(() => entry.settle(lost()), GRACE_MS).unref();
  }

  /** Finds queries whose job is gone though no answer came: the answer was lost, or workers died of it too often. */
  async function look(): Promise<void> {
    for (const entry of [...pending.values()]) {
      if (entry.stage !== 'queued' || Date.now() - entry.addedAt < LOOK_MS) continue;
      if ((await queue.getJobState(entry.id)) !== 'unknown') entry.missing = 0;
      else if (++entry.missing >= 2) entry.settle(lost());
    }
  }

  async function run(query: QueryJob, { timeoutMs, signal }: QueryOptions): Promise<QueryResult> {
    if (signal?.aborted) throw aborted();
    if (pending.size >= settings.maxPending) throw new ViewmillError('VM3008', `${pending.size} queries are waiting already`);
    listen();
    return new Promise((resolve, reject) => {
      const id = `query-${randomUUID()}`;
      const onAbort = (): void => {
        entry.settle(aborted());
        if (entry.stage === 'queued') void withdraw(id).catch(settings.onError);
      };
      const timer = setTimeout(() => void expire(entry).catch((cause: unknown) => entry.settle(silent(cause))), timeoutMs);
      const entry: Pending = {
        id,
        query,
        stage: 'backlog',
        addedAt: 0,
        missing: 0,
        settle(outcome) {
          if (!pending.delete(id)) return;
          if (!backlog.delete(entry)) inFlight -= 1;
          clearTimeout(timer);
          signal?.removeEventListener('abort', onAbort);
          if (outcome instanceof ViewmillError) reject(outcome);
          else resolve(outcome);
          pump();
        },
      };
      pending.set(id, entry);
      backlog.add(entry);
      signal?.addEventListener('abort', onAbort);
      pump();
    });
  }

  return {
    run,
    async close() {
      clearInterval(looking);
      const rest = [...pending.values()].map(async (entry) => {
        const { stage } = entry;
        entry.settle(new ViewmillError('VM3003', 'the queue is being closed'));
        if (stage === 'queued') await within(withdraw(entry.id), GRACE_MS, 'unknown');
      });
      await Promise.allSettled(rest);
    },
  };
}

function noWorker(): ViewmillError {
  return new ViewmillError('VM3001', 'no worker took the query in time');
}

function lost(): ViewmillError {
  return new ViewmillError('VM3001', 'the query ended without an answer');
}

function silent(cause?: unknown): ViewmillError {
  return new ViewmillError('VM3003', 'the queue does not answer', { cause });
}

function aborted(): ViewmillError {
  return new ViewmillError('VM3006', 'the caller is gone');
}
