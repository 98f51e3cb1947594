import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { fromErrorPayload } from '@viewmill/contracts';
import type { EncodedBlock } from './encode-block.ts';
import type { ThreadAnswer, ThreadQuestion } from './encode-thread.ts';

/** An encoding thread. It keeps no process alive. */
export interface Thread {
  tell(question: Exclude<ThreadQuestion, { block: unknown }>): void;
  /** Takes over the block's memory. @throws the ViewmillErrors of the view */
  encode(build: number, block: Uint8Array<ArrayBuffer>): Promise<EncodedBlock>;
  /** Blocks that wait for an answer. */
  readonly load: number;
}

/**
 * Texts and rows die young. More room (96 MB) makes builds 5 % faster and costs 120 MB in two threads: a worker has to stay below
 * 300 MB while it builds a view of 100 000 resources.
 */
const YOUNG_MB = 24;

/** Beside this file; when the sources themselves run (tests), the built one, if there is one. */
const ENTRY = new URL(import.meta.url.endsWith('.ts') ? '../dist/encode-thread.js' : './encode-thread.js', import.meta.url);

/** Kept for the next build: a new thread's code is slow for its first half second. */
const threads: Thread[] = [];

export function canStartThreads(): boolean {
  return existsSync(fileURLToPath(ENTRY));
}

/** The threads of this process, at least so many. */
export function threadsOf(count: number): readonly Thread[] {
  while (threads.length < count) threads.push(startThread());
  return threads.slice(0, count);
}

function startThread(): Thread {
  const worker = new Worker(ENTRY, { resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB } });
  const waiting: { resolve: (encoded: EncodedBlock) => void; reject: (error: Error) => void }[] = [];
  // Answers come in the order of the questions.
  worker.on('message', (answer: ThreadAnswer) => {
    const first = waiting.shift();
    if ('encoded' in answer) first?.resolve(answer.encoded);
    else first?.reject(fromErrorPayload(answer.error));
  });
  const thread: Thread = {
    tell: (question) => worker.postMessage(question),
    encode: (build, block) =>
      new Promise((resolve, reject) => {
        waiting.push({ resolve, reject });
        worker.postMessage({ build, block } satisfies ThreadQuestion, [block.buffer]);
      }),
    get load() {
      return waiting.length;
    },
  };
  const end = (error: Error): void => {
    if (threads.includes(thread)) threads.splice(threads.indexOf(thread), 1);
    for (const { reject } of waiting.splice(0)) reject(error);
  };
  worker.on('error', (error) => end(error as Error));
  worker.on('exit', () => end(new Error('the encoding thread ended')));
  // Behind the listeners: one for messages keeps the process alive again.
  worker.unref();
  return thread;
}
