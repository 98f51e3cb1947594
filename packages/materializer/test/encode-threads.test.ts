import { useDatabase } from '@viewmill/testkit';
import { beforeAll, describe, expect, test } from 'vitest';
import { canStartThreads } from '../src/threads.ts';
import { builtIn, code, rowsOf, viewOf, type Workshop, workshop } from './setup.ts';

const database = useDatabase('demo');

/** Everything goes through other threads, and with several of them answers overtake each other. */
const THREADS = { threads: 3, thresholdBytes: 0 };
const NO_THREADS = { threads: 0 };

describe('encoding in threads', () => {
  let shop: Workshop;
  beforeAll(async () => {
    // They run the built code, as the product does.
    expect(canStartThreads()).toBe(true);
    shop = await workshop(database.pool, database.pool, 'full');
  });

  test('gives the same table, in the same order, as this thread does', async () => {
    const plan = builtIn('observation_labs');
    const contents = async (generation: number) =>
      rowsOf(
        database.pool,
        `select count(*)::int as n, md5(string_agg(md5(t::text), '' order by ctid)) as rows from sqlonfhir."_g${generation}_observation_labs" t`,
      );
    const here = await shop.refresh(plan, { encoding: NO_THREADS });
    const expected = await contents(here.generation);
    const there = await shop.refresh(plan, { encoding: THREADS });
    expect(await contents(there.generation)).toEqual(expected);
    expect(there).toMatchObject({ rows: here.rows, resources: here.resources, quarantined: 0 });
  });

  test('brings the view’s errors back with their code, and the threads go on', async () => {
    const bad = viewOf('several', 'Patient', [{ name: 'given', path: 'name.given' }]);
    expect(await code(shop.refresh(bad, { encoding: THREADS }))).toBe('VM1201');
    const good = viewOf('fine', 'Patient', [{ name: 'gender', path: 'gender' }]);
    expect(await shop.refresh(good, { encoding: THREADS })).toMatchObject({ resources: 10, rows: 10 });
  });
});
