import { availableParallelism } from 'node:os';
import type { ViewPlan } from '@viewmill/views';
import { blockEncoder, type EncodedBlock } from './encode-block.ts';
import { canStartThreads, type Thread, threadsOf } from './threads.ts';

/** Encodes the blocks of one build: small views in this thread, large ones in others, so that queries of this process do not wait for them. */
export interface EncodePool {
  /** Blocks that may be handed over before the first one's answer is awaited. */
  readonly depth: number;
  /** Takes over the block's memory. @throws the ViewmillErrors of the view */
  encode(block: Uint8Array<ArrayBuffer>): Promise<EncodedBlock>;
  close(): void;
}

export interface PoolOptions {
  /** Threads at most; 0: none. Default: one for each processor, at most two. */
  readonly threads?: number | undefined;
  /** Bytes that are encoded in this thread before others are asked. */
  readonly thresholdBytes?: number | undefined;
}

/** Each takes about 50 MB; two keep up with what one connection of PostgreSQL sends. */
const MAX_THREADS = 2;
/** Less is encoded faster than threads are started. */
const THRESHOLD_BYTES = 4 * 1024 * 1024;

let builds = 0;

export function encodePool(plan: ViewPlan, options: PoolOptions = {}): EncodePool {
  const wanted = canStartThreads() ? (options.threads ?? Math.min(availableParallelism(), MAX_THREADS)) : 0;
  const threshold = options.thresholdBytes ?? THRESHOLD_BYTES;
  const here = blockEncoder(plan);
  builds += 1;
  const build = builds;
  let threads: readonly Thread[] = [];
  let bytes = 0;

  return {
    depth: wanted * 2 + 1,
    async encode(block) {
      bytes += block.length;
      if (bytes < threshold || wanted === 0) return here(block);
      if (threads.length === 0) {
        threads = threadsOf(wanted);
        for (const thread of threads) thread.tell({ build, plan });
      }
      return threads.reduce((best, each) => (each.load < best.load ? each : best)).encode(build, block);
    },
    close() {
      for (const thread of threads) thread.tell({ build, done: true });
    },
  };
}
