import { randomBytes } from 'node:crypto';
import { describe } from 'vitest';
import { leaveOut, runContext } from './run-context.ts';

export interface TestRedis {
  readonly url: string;
  /** Begin every key with it (BullMQ: option `prefix`): the server is shared by all tests of the run. */
  readonly prefix: string;
}

/** Redis with a key prefix of the caller's own. @throws Error if there is none; see `describeWithRedis`. */
export function testRedis(): TestRedis {
  const { redisUrl, redisMissing, run } = runContext();
  if (redisUrl === null) throw new Error(`no Redis for tests: ${redisMissing}`);
  return { url: redisUrl, prefix: `vmtest:${run}:${randomBytes(4).toString('hex')}` };
}

/** `describe` for tests that need Redis: skipped by name without it; a run in CI does not even begin. */
export function describeWithRedis(name: string, tests: (redis: TestRedis) => void): void {
  const { redisUrl, redisMissing } = runContext();
  if (redisUrl === null) {
    leaveOut(name, redisMissing);
    describe.skip(`${name} [no Redis]`, () => tests({ url: '', prefix: '' }));
    return;
  }
  describe(name, () => tests(testRedis()));
}
