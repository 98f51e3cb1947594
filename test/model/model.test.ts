import { useDatabase } from '@viewmill/testkit';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { histories, type Step } from './history.ts';
import { World } from './world.ts';

/** A longer run: `MODEL_RUNS=20000 npm test -- test/model`. */
const RUNS = Number(process.env.MODEL_RUNS ?? 500);

const database = useDatabase('demo');
let world: World;
beforeAll(async () => {
  world = await World.open(database.pool);
});
afterAll(() => world?.close());

async function run(steps: readonly Step[]): Promise<void> {
  await world.reset();
  for (const step of steps) await world.run(step);
}

/** Histories that once went wrong, or that others lose data in. */
const KEPT: [steps: readonly Step[]][] = [
  [
    // A transaction that commits after a refresh that began after it: older than any watermark made of time stamps or keys.
    [
      { kind: 'put', writer: 0, id: 'a', values: ['1'] },
      { kind: 'put', writer: null, id: 'b', values: ['2'] },
      { kind: 'refresh', view: 'plain', mode: 'auto' },
      { kind: 'commit', writer: 0 },
      { kind: 'read', view: 'plain' },
      { kind: 'refresh', view: 'plain', mode: 'auto' },
    ],
  ],
  [
    // A tag alone: neither the version nor the time of the resource moves.
    [
      { kind: 'put', writer: null, id: 'a', values: ['1'] },
      { kind: 'refresh', view: 'tagged', mode: 'auto' },
      { kind: 'tag', writer: null, id: 'a', tag: 'x' },
      { kind: 'read', view: 'tagged' },
      { kind: 'refresh', view: 'tagged', mode: 'delta' },
    ],
  ],
  [
    // Late commits with live capture, and a writer that goes on after the first refresh.
    [
      { kind: 'live', on: true },
      { kind: 'refresh', view: 'plain', mode: 'auto' },
      { kind: 'put', writer: 0, id: 'a', values: ['1'] },
      { kind: 'put', writer: 1, id: 'b', values: ['1'] },
      { kind: 'commit', writer: 1 },
      { kind: 'refresh', view: 'plain', mode: 'auto' },
      { kind: 'put', writer: 0, id: 'c', values: ['1'] },
      { kind: 'commit', writer: 0 },
      { kind: 'read', view: 'plain' },
      { kind: 'refresh', view: 'plain', mode: 'auto' },
    ],
  ],
];

test(
  `after ${RUNS} random histories, every refresh and every exact read equals what the steps make`,
  async () => {
    await fc.assert(fc.asyncProperty(histories, run), {
      numRuns: RUNS,
      examples: KEPT.map(([steps]) => [steps]),
      endOnFailure: false,
    });
    expect.hasAssertions();
  },
  Math.max(300_000, RUNS * 1000),
);
