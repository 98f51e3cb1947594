import { connectQueue } from '@viewmill/queue';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { batchContract } from './batch-contract.ts';
import { openAndClose, type QueueConnection, type QueueOptions, worker } from './helpers.ts';
import { queryContract } from './query-contract.ts';
import { refreshContract } from './refresh-contract.ts';
import { scheduleContract } from './schedule-contract.ts';
import { streamContract } from './stream-contract.ts';

/** One place to keep the queue in, empty at the start of each test. */
export interface Place {
  /** The server's URL, and the options that lead there. */
  readonly url: string;
  readonly options: (url: string) => QueueOptions;
  /** Everything that the queue's database holds, as text. */
  readonly contents: () => Promise<string>;
}

/** What the tests work with. Whatever they open is closed after each of them, last first. */
export interface Bench {
  readonly at: () => Place;
  readonly options: () => QueueOptions;
  readonly connect: (more?: Partial<QueueOptions>) => Promise<QueueConnection>;
  /** A worker with connections of its own, as in another process. */
  readonly work: (
    handlers?: Parameters<typeof worker>[0],
    more?: Partial<QueueOptions>,
  ) => Promise<{ readonly queue: QueueConnection; readonly close: (how?: { readonly timeoutMs?: number }) => Promise<void> }>;
  readonly later: (close: () => Promise<void>) => void;
}

/** What is true of the queue wherever it is kept. `place` is called once per test. */
export function queueContract(place: () => Promise<Place>): void {
  let at: Place | undefined;
  let closers: (() => Promise<void>)[] = [];

  beforeEach(async () => {
    at = await place();
  });
  afterEach(async () => {
    const all = closers.reverse();
    closers = [];
    for (const close of all) await close();
  });

  const here = (): Place => {
    if (at === undefined) throw new Error('inside tests only');
    return at;
  };
  const later: Bench['later'] = (close) => void closers.push(close);
  const options: Bench['options'] = () => ({ refreshBackoffMs: 20, ...here().options(here().url) });
  const connect: Bench['connect'] = async (more) => {
    const queue = await connectQueue({ ...options(), ...more });
    later(() => queue.close());
    return queue;
  };
  const work: Bench['work'] = async (handlers, more) => {
    const queue = await connect(more);
    const workers = await queue.startWorkers(worker(handlers));
    later(() => workers.close({ timeoutMs: 0 }));
    return { queue, close: (how) => workers.close(how) };
  };
  const bench: Bench = { at: here, options, connect, work, later };

  queryContract(bench);
  batchContract(bench);
  streamContract(bench);
  refreshContract(bench);
  scheduleContract(bench);

  it('leaves no handle open', async () => {
    expect(await openAndClose(options())).toEqual({ output: 'closed\n', code: 0 });
  });
}
