import { putResource, useDatabase } from '@viewmill/testkit';
import { beforeAll, expect, test } from 'vitest';
import { refreshTogether } from '../src/index.ts';
import { READER, rowsOf, viewOf, type Workshop, withClient, workshop } from './setup.ts';

const database = useDatabase('demo');
const PATIENTS = viewOf('set_patients', 'Patient', [{ name: 'gender', path: 'gender' }]);
const BASICS = viewOf('set_basics', 'Basic', [{ name: 'code', path: 'code.coding.code' }]);
const SET = [PATIENTS, BASICS].map((plan) => ({ name: plan.name, plan }));

let shop: Workshop;
beforeAll(async () => {
  shop = await workshop(database.pool);
});
const together = (more: Partial<Parameters<typeof refreshTogether>[0]> = {}) =>
  refreshTogether({
    ...{ source: database.pool, target: database.pool, catalog: shop.catalog, layout: shop.layout, readerRole: READER },
    ...{ views: SET, reason: 'request', ...more },
  });
/** A patient and something that belongs to it, in one transaction. */
const putPair = (n: number, ...codes: string[]) =>
  withClient(database.pool, async (client) => {
    await client.query('begin');
    await putResource(client, { type: 'Patient', id: `pair-${n}`, json: { resourceType: 'Patient', gender: 'male' } });
    const coding = codes.map((code) => ({ code }));
    await putResource(client, { type: 'Basic', id: `pair-${n}`, json: { resourceType: 'Basic', code: { coding } } });
    await client.query('commit');
  });
const unpaired = () =>
  rowsOf(
    database.pool,
    `select id from (select id from sqlonfhir.set_patients where id like 'pair-%') p full join sqlonfhir.set_basics b using (id)
     where p is null or b is null`,
  );

test('views of a set agree, though the source is written between their reads', async () => {
  await putPair(1, 'a');
  let wrote = 1;
  // The second view is read after this: its own snapshot would have the pair, the first view would not.
  const onProgress = ({ phase }: { phase: string }): void => {
    if (phase === 'comparing' || phase === 'indexing') writing.push(putPair(++wrote, 'x'));
  };
  const writing: Promise<void>[] = [];
  const first = await together({ onProgress });
  await Promise.all(writing);
  expect(writing.length).toBeGreaterThan(0);
  expect(first.map(({ mode, as_of }) => [mode, as_of])).toEqual([
    ['full', first[0]?.as_of],
    ['full', first[0]?.as_of],
  ]);
  expect(await unpaired()).toEqual([]);
  const second = await together({ onProgress });
  await Promise.all(writing);
  expect(second.map(({ mode }) => mode)).toEqual(['delta', 'delta']);
  expect(second[0]?.changed).toBeGreaterThan(0);
  expect(await unpaired()).toEqual([]);
  expect(await shop.catalog.viewStatus('set_basics')).toMatchObject({ status: 'active', as_of: second[1]?.as_of });
});

test('one view in full and one in place are shown in the same transaction', async () => {
  await together();
  await putPair(1000, 'y');
  const revised = viewOf(PATIENTS.name, 'Patient', [
    { name: 'gender', path: 'gender' },
    { name: 'birth', path: 'birthDate' },
  ]);
  const done = await together({ views: [{ name: revised.name, plan: revised }, ...SET.slice(1)] });
  expect(done.map(({ mode }) => mode)).toEqual(['full', 'delta']);
  expect(await unpaired()).toEqual([]);
  const [first] = await rowsOf(
    database.pool,
    `select v.xmin::text, (select xmin::text from sqlonfhir._view where name = 'set_basics') as other from sqlonfhir._view v where name = 'set_patients'`,
  );
  expect(first?.['xmin']).toBe(first?.['other']);
});

test('if one view cannot be refreshed, none is', async () => {
  await together();
  const before = await rowsOf(database.pool, 'select name, revision, as_of from sqlonfhir._view order by name');
  await putPair(2000, 'one', 'two');
  await expect(together()).rejects.toMatchObject({ code: 'VM1201' });
  expect(await rowsOf(database.pool, 'select name, revision, as_of from sqlonfhir._view order by name')).toEqual(before);
  expect(await shop.catalog.viewStatus('set_basics')).toMatchObject({ status: 'failed' });
  expect(await shop.catalog.history('set_patients', 1)).toMatchObject([{ outcome: 'cancelled' }]);
  await putPair(2000, 'one');
  expect(await together()).toHaveLength(2);
  expect(await unpaired()).toEqual([]);
});

test('two sets of the same views in another order wait for each other, not in a circle', async () => {
  const results = await Promise.all([together(), together({ views: [...SET].reverse() }), together()]);
  expect(results.flat().filter(({ joined }) => joined === 'waited').length).toBeGreaterThan(0);
});
