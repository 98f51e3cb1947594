import { randomUUID } from 'node:crypto';
import { fromErrorPayload, LANES, type Lane, type QueryJob, type QueryResult, ViewmillError } from '@viewmill/contracts';
import { createAdmission } from './admission.ts';
import type { JobQueue } from './backend.ts';
import { createBatches, LOOK_MS, lost, silent, type Unit } from './batches.ts';
import type { ControlChannel } from './control.ts';
import { byLane } from './lanes.ts';
import type { QueueSettings } from './options.ts';
import { type Chunk, decodeReply, type ReplyChannel } from './reply-channel.ts';
import { createRowStream, type RowStream } from './row-stream.ts';
import { within } from './within.ts';

export interface QueryOptions {
  /** How long the query may wait and run, in milliseconds; a stream: until its first chunk, and then between two of them. */
  readonly timeoutMs: number;
  /** Aborted when the client is gone: the query is taken out of its job, or its worker told to stop. */
  readonly signal?: AbortSignal;
  /** Default `interactive`. */
  readonly lane?: Lane;
  /** Who asks, for fairness. */
  readonly client?: string;
  /** Higher ones go first within the lane; default 0. */
  readonly priority?: number;
}

export interface Queries {
  /**
   * Has a worker answer a query. Queries that are equal in everything but the deadline, and have not been sent yet, run once.
   * @throws ViewmillError what the worker threw; VM2011 too many queries of this client are waiting; VM3001 no worker took it in time or its
   *   worker died; VM3003 the queue does not answer; VM3006 aborted by the caller; VM3007 taken but not finished in time; VM3008 too many
   *   queries of this process are waiting.
   */
  run(job: QueryJob, options: QueryOptions): Promise<QueryResult>;
  /** As `run`, for a query whose `stream` is given. Its chunks must be read, or the stream be closed. */
  stream(job: QueryJob, options: QueryOptions): Promise<RowStream>;
  close(): Promise<void>;
}

/** One who waits for a unit's answer. */
interface Call {
  readonly settle: (outcome: QueryResult | ViewmillError) => void;
  /** Takes the chunks of a stream. */
  readonly take?: (chunk: Chunk) => void;
}

interface Shared extends Unit {
  readonly lane: Lane;
  readonly key: string | null;
  readonly calls: Set<Call>;
}

/** How long, in milliseconds, an answer may take to arrive after its job is gone, and the queue to answer at all. */
const GRACE_MS = 1000;

/** Lanes in which a query takes long: they go one by one, so that each is taken by whoever is free. */
const ONE_BY_ONE: readonly Lane[] = ['heavy', 'exports'];

export function createQueries(
  queues: Readonly<Record<Lane, JobQueue>>,
  replies: ReplyChannel,
  control: ControlChannel,
  settings: QueueSettings,
): Queries {
  const units = new Map<string, Shared>();
  /** Those that can still be joined, by what they ask. */
  const joinable = new Map<string, Shared>();
  const admission = createAdmission(settings);
  const lanes = byLane((lane) => {
    const batch = ONE_BY_ONE.includes(lane) ? 1 : settings.batch;
    return createBatches(queues[lane], control, { ...settings, batch, replyTo: replies.inbox });
  });
  let looking: NodeJS.Timeout | undefined;

  function deliver(frame: string): boolean {
    try {
      const reply = decodeReply(frame);
      if ('begun' in reply) {
        for (const lane of LANES) lanes[lane].begun(reply.begun);
      } else {
        for (const call of [...(units.get(reply.id)?.calls ?? [])]) {
          if ('chunk' in reply) call.take?.(reply.chunk);
          else call.settle('error' in reply ? fromErrorPayload(reply.error) : reply.result);
        }
      }
    } catch (error) {
      settings.onError(error);
    }
    return units.size > 0;
  }

  /** Once, with the first query: a process that only works asks nothing. */
  function listen(): void {
    if (looking !== undefined) return;
    replies.listen(deliver);
    looking = setInterval(() => void look().catch(settings.onError), LOOK_MS);
    looking.unref();
  }

  /** Finds queries whose job is gone though no answer came: the answer was lost, or workers died of it too often. */
  async function look(): Promise<void> {
    await Promise.all(LANES.map((lane) => lanes[lane].look()));
  }

  function unitFor(query: QueryJob, lane: Lane, client: string, priority: number): Shared {
    const key = isShareable(query) ? `${lane} ${JSON.stringify({ ...query, deadline: 0 })}` : null;
    const waiting = key === null ? undefined : joinable.get(key);
    if (waiting?.stage === 'backlog') {
      waiting.deadline = Math.max(waiting.deadline, query.deadline);
      return waiting;
    }
    const calls = new Set<Call>();
    const unit: Shared = {
      id: `query-${randomUUID()}`,
      key,
      lane,
      query,
      deadline: query.deadline,
      since: Date.now(),
      client,
      priority,
      stage: 'backlog',
      batch: undefined,
      calls,
      fail: (error) => {
        for (const call of [...calls]) call.settle(error);
      },
    };
    units.set(unit.id, unit);
    if (key !== null) joinable.set(key, unit);
    return unit;
  }

  function forget(unit: Shared, how: 'answered' | 'abandoned'): void {
    units.delete(unit.id);
    if (unit.key !== null && joinable.get(unit.key) === unit) joinable.delete(unit.key);
    lanes[unit.lane].done(unit, how);
  }

  interface Begun {
    /** Frees what the call holds. @returns false if it has ended before. */
    readonly end: (how: 'answered' | 'abandoned') => boolean;
    readonly unit: Shared;
    /** Time is up. */
    readonly expire: () => Promise<ViewmillError>;
  }

  /** Enters a call: it waits from now on, until its `end`. */
  function begin(query: QueryJob, options: QueryOptions, callOf: (begun: Begun) => Call): void {
    const { lane = 'interactive', client = '', priority = 0 } = options;
    const leave = admission.enter(lane, client);
    listen();
    const unit = unitFor(query, lane, client, priority);
    const begun: Begun = {
      unit,
      end(how) {
        if (!unit.calls.delete(call)) return false;
        leave();
        if (unit.calls.size === 0) forget(unit, how);
        return true;
      },
      async expire() {
        const { stage } = unit;
        if (stage === 'backlog') return lanes[lane].isStuck() ? silent() : noWorker();
        if (stage === 'adding') return silent();
        // Looked for before it is abandoned: a worker that is told lets go of it at once.
        const place = await within(lanes[lane].find(unit), GRACE_MS, 'unknown' as const);
        if (place === 'gone') await new Promise((resolve) => setTimeout(resolve, GRACE_MS).unref());
        if (begun.end('abandoned') && place !== 'gone') await within(lanes[lane].removed(unit), GRACE_MS, undefined);
        if (place === 'unknown') return silent();
        if (place === 'waiting') return noWorker();
        if (place === 'active') return new ViewmillError('VM3007', 'a worker took the query but did not finish it in time');
        return lost();
      },
    };
    const call = callOf(begun);
    const isNew = unit.calls.size === 0;
    unit.calls.add(call);
    if (isNew) lanes[lane].add(unit);
  }

  async function run(query: QueryJob, options: QueryOptions): Promise<QueryResult> {
    const { timeoutMs, signal } = options;
    if (signal?.aborted) throw aborted();
    return new Promise((resolve, reject) => {
      begin(query, options, ({ end, expire }) => {
        let ended = false;
        const settle = (outcome: QueryResult | ViewmillError, how: 'answered' | 'abandoned' = 'answered'): void => {
          end(how);
          if (ended) return;
          ended = true;
          clearTimeout(timer);
          signal?.removeEventListener('abort', onAbort);
          if (outcome instanceof ViewmillError) reject(outcome);
          else resolve(outcome);
        };
        const onAbort = (): void => settle(aborted(), 'abandoned');
        const timer = setTimeout(
          () =>
            void expire()
              .catch(silent)
              .then((error) => settle(error, 'abandoned')),
          timeoutMs,
        );
        signal?.addEventListener('abort', onAbort);
        return { settle };
      });
    });
  }

  async function stream(query: QueryJob, options: QueryOptions): Promise<RowStream> {
    if (options.signal?.aborted) throw aborted();
    return new Promise((resolve, reject) => {
      begin(query, options, ({ unit, end, expire }) =>
        createRowStream({
          timeoutMs: options.timeoutMs,
          signal: options.signal,
          onOpen: resolve,
          onFail: reject,
          end,
          expire,
          grant: (chunks) => void control.tell({ grant: unit.id, chunks }).catch(settings.onError),
        }),
      );
    });
  }

  return {
    run,
    stream,
    async close() {
      clearInterval(looking);
      const rest = [...units.values()].map(async (unit) => {
        const { lane, stage } = unit;
        unit.fail(new ViewmillError('VM3003', 'the queue is being closed'));
        if (stage === 'queued') await within(lanes[lane].removed(unit), GRACE_MS, undefined);
      });
      await Promise.allSettled(rest);
    },
  };
}

/** Questions only, and each stream has a reader of its own. */
function isShareable({ kind, stream }: QueryJob): boolean {
  return stream === undefined && (kind === 'rows' || kind === 'count' || kind === 'schema');
}

function noWorker(): ViewmillError {
  return new ViewmillError('VM3001', 'no worker took the query in time');
}

export function aborted(): ViewmillError {
  return new ViewmillError('VM3006', 'the caller is gone');
}
