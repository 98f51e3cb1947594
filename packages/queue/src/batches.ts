import { randomUUID } from 'node:crypto';
import { type QueryJob, ViewmillError } from '@viewmill/contracts';
import type { JobQueue } from './backend.ts';
import { type Backlog, createBacklog, type Waiting } from './backlog.ts';
import { type ControlChannel, MAX_IDS } from './control.ts';
import type { BatchData } from './job-data.ts';

/** One query as workers see it: several callers may wait for its answer. */
export interface Unit extends Waiting {
  readonly id: string;
  readonly query: QueryJob;
  /** When the last of its callers stops waiting. Milliseconds since 1970, as `since`. */
  deadline: number;
  readonly since: number;
  stage: 'backlog' | 'adding' | 'queued' | 'settled';
  batch: Batch | undefined;
  /** Ends it for all who wait. */
  readonly fail: (error: ViewmillError) => void;
}

/** A job: the queries of it that have no answer yet. */
export interface Batch {
  readonly id: string;
  readonly units: Set<Unit>;
  addedAt: number;
  /** Seen to be neither in the queue nor answered. */
  missing: number;
  shrinking: Promise<void> | undefined;
}

/** Where a job was found: `waiting` for a worker, held by one, or no longer there. */
export type Whereabouts = 'waiting' | 'active' | 'gone';

export interface Batches {
  add(unit: Unit): void;
  /** It has its answer, or nobody waits for it any more; then its worker is told, and it is taken out of its job. */
  done(unit: Unit, how: 'answered' | 'abandoned'): void;
  /** Where the unit's job is. */
  find(unit: Unit): Promise<Whereabouts>;
  /** Settles when a unit that was abandoned is out of its job. */
  removed(unit: Unit): Promise<unknown>;
  /** All queries of a job are running: there is room for another. */
  begun(id: string): void;
  /** Jobs that should be there by now: fails the queries of those that are not. */
  look(): Promise<void>;
  /** Whether the queue takes long to accept a job. */
  isStuck(): boolean;
}

/**
 * Jobs whose queries have not all begun, at most. Further queries wait here, where they can be shared and are dealt out fairly,
 * rather than in the memory of a worker that is busy.
 */
const MAX_UNBEGUN = 4;
/** How long a job must have been in the queue, in milliseconds, before it is looked for. */
export const LOOK_MS = 2000;
/** Milliseconds after which a job that the queue has not accepted does not hold up the next one. */
const STUCK_MS = 250;

/**
 * Sends the queries of one lane. What arrives while a job is being added forms the next one: a query that comes alone goes at once, and the
 * more there are, the more go together.
 */
export function createBatches(
  queue: JobQueue,
  control: ControlChannel,
  settings: {
    readonly replyTo: string;
    readonly batch: number;
    readonly maxInFlight: number;
    readonly onError: (error: unknown) => void;
  },
): Batches {
  const backlog: Backlog<Unit> = createBacklog();
  const batches = new Map<string, Batch>();
  const unbegun = new Set<string>();
  let inFlight = 0;
  let addingSince = 0;
  let abandoned: string[] = [];

  function pump(): void {
    while (backlog.size > 0 && addingSince === 0 && unbegun.size < MAX_UNBEGUN && inFlight < settings.maxInFlight) {
      // Work that must not run twice goes alone: the job of a worker that died is run again, with all its queries.
      const units = backlog.take(Math.min(settings.batch, settings.maxInFlight - inFlight));
      const alone = units.filter(({ query }) => query.kind === 'define' || query.kind === 'undefine');
      for (const unit of alone) void send([unit]);
      if (alone.length < units.length) void send(units.filter((unit) => !alone.includes(unit)));
    }
  }

  async function send(units: readonly Unit[]): Promise<void> {
    const batch: Batch = { id: `queries-${randomUUID()}`, units: new Set(units), addedAt: 0, missing: 0, shrinking: undefined };
    batches.set(batch.id, batch);
    unbegun.add(batch.id);
    inFlight += units.length;
    for (const unit of units) Object.assign(unit, { stage: 'adding', batch });
    const started = Date.now();
    addingSince = started;
    const goOn = (): void => {
      if (addingSince === started) addingSince = 0;
      pump();
    };
    const stuck = setTimeout(goOn, STUCK_MS);
    try {
      await queue.add('queries', dataOf(batch), { jobId: batch.id, removeOnComplete: true, removeOnFail: true });
      batch.addedAt = Date.now();
      for (const unit of batch.units) unit.stage = 'queued';
      // Abandoned meanwhile: nobody wants those answers any more.
      if (batch.units.size < units.length) shrink(batch).catch(settings.onError);
    } catch (cause) {
      for (const unit of [...batch.units]) unit.fail(silent(cause));
    } finally {
      clearTimeout(stuck);
      goOn();
    }
  }

  function dataOf(batch: Batch): BatchData {
    const queries = [...batch.units].map(({ id, query, deadline, since }) => ({ id, query: { ...query, deadline }, at: since }));
    return { replyTo: settings.replyTo, queries };
  }

  /** Takes what nobody waits for out of the job: soon, and together with what else is abandoned until then. */
  function shrink(batch: Batch): Promise<void> {
    batch.shrinking ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      batch.shrinking = undefined;
      return batch.units.size > 0 ? rewrite(batch) : withdraw(batch.id);
    });
    return batch.shrinking;
  }

  async function rewrite(batch: Batch): Promise<void> {
    const job = await queue.getJob(batch.id);
    // It may be gone by now, which is as good.
    await job?.updateData(dataOf(batch)).catch(() => undefined);
  }

  /** Takes a job back: removed if no worker has it, else marked as cancelled, which also wipes the searches from its data. */
  async function withdraw(id: string): Promise<void> {
    const job = await queue.getJob(id);
    await job?.remove().catch(() => job.updateData({ cancelled: true }).catch(() => undefined));
  }

  function tellAbandoned(id: string): void {
    abandoned.push(id);
    if (abandoned.length > 1) return;
    setImmediate(() => {
      const ids = abandoned;
      abandoned = [];
      for (let from = 0; from < ids.length; from += MAX_IDS)
        control.tell({ cancel: ids.slice(from, from + MAX_IDS) }).catch(settings.onError);
    });
  }

  return {
    add(unit) {
      backlog.add(unit);
      pump();
    },

    done(unit, how) {
      const { batch, stage } = unit;
      unit.stage = 'settled';
      if (batch === undefined) {
        backlog.delete(unit);
        return;
      }
      if (!batch.units.delete(unit)) return;
      inFlight -= 1;
      if (how === 'abandoned' && stage === 'queued') {
        tellAbandoned(unit.id);
        shrink(batch).catch(settings.onError);
      }
      if (batch.units.size === 0) {
        batches.delete(batch.id);
        unbegun.delete(batch.id);
      }
      pump();
    },

    async find({ batch }) {
      const state = batch === undefined ? 'unknown' : await queue.getJobState(batch.id);
      return state === 'active' ? 'active' : state === 'unknown' ? 'gone' : 'waiting';
    },

    removed: async ({ batch }) => (batch === undefined ? undefined : shrink(batch)),

    begun(id) {
      if (unbegun.delete(id)) pump();
    },

    async look() {
      for (const batch of [...batches.values()]) {
        if (batch.addedAt === 0 || Date.now() - batch.addedAt < LOOK_MS) continue;
        if ((await queue.getJobState(batch.id)) !== 'unknown') batch.missing = 0;
        else if (++batch.missing >= 2) for (const unit of [...batch.units]) unit.fail(lost());
      }
    },

    isStuck: () => addingSince !== 0 && Date.now() - addingSince > STUCK_MS / 2,
  };
}

export function lost(): ViewmillError {
  return new ViewmillError('VM3001', 'the query ended without an answer');
}

export function silent(cause?: unknown): ViewmillError {
  return new ViewmillError('VM3003', 'the queue does not answer', { cause });
}
