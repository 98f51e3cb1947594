import { parentPort } from 'node:worker_threads';
import { type ErrorPayload, toErrorPayload, ViewmillError } from '@viewmill/contracts';
import type { ViewPlan } from '@viewmill/views';
import { blockEncoder, type EncodedBlock } from './encode-block.ts';

/** A plan comes before the first block of its build; blocks name it by its number. */
export type ThreadQuestion =
  | { readonly build: number; readonly plan: ViewPlan }
  | { readonly build: number; readonly block: Uint8Array<ArrayBuffer> }
  | { readonly build: number; readonly done: true };

/** The answer to each block: the coded error of the view travels as data, a fault of ours ends the thread. */
export type ThreadAnswer = { readonly encoded: EncodedBlock } | { readonly error: ErrorPayload };

const encoders = new Map<number, ReturnType<typeof blockEncoder>>();

parentPort?.on('message', (question: ThreadQuestion) => {
  if ('plan' in question) encoders.set(question.build, blockEncoder(question.plan));
  else if ('done' in question) encoders.delete(question.build);
  else answer(question.build, question.block);
});

function answer(build: number, block: Uint8Array<ArrayBuffer>): void {
  const encode = encoders.get(build);
  if (encode === undefined) throw new Error('a block without a plan');
  try {
    const encoded = encode(block);
    const done: ThreadAnswer = { encoded };
    parentPort?.postMessage(done, [encoded.lines.buffer]);
  } catch (error) {
    if (!(error instanceof ViewmillError)) throw error;
    const failed: ThreadAnswer = { error: toErrorPayload(error) };
    parentPort?.postMessage(failed);
  }
}
