import { useDatabase } from '@viewmill/testkit';
import sql from 'sql-template-tag';
import { expect, test } from 'vitest';
import { copySink } from '../src/copy-sink.ts';
import { versionLog } from '../src/version-log.ts';
import { versionRows } from '../src/version-rows.ts';
import { withClient } from './setup.ts';

const database = useDatabase('empty');

test('PostgreSQL reads what is logged, in several COPYs of one transaction', async () => {
  const log = versionLog(2);
  const rows = versionRows();
  const pairs = [
    [1, 1],
    [2, 300],
    [4_294_967_296, 2],
    ['9007199254740993', 3],
    [9_007_199_254_740_991, 4],
  ] as const;
  await withClient(database.pool, async (client) => {
    await client.query('begin; create table versions (res_id bigint, res_ver bigint)');
    const send = async (): Promise<void> => {
      const sink = copySink(client, sql`copy versions from stdin with (format binary, freeze)`);
      for (const piece of log.take()) await sink.write(piece);
      await sink.end();
    };
    for (const [resId, resVer] of pairs) {
      rows.add(resId, resVer);
      log.add(rows.take());
      if (log.isFull()) await send();
    }
    await send();
    await client.query('commit');
    const { rows: found } = await client.query('select res_id, res_ver from versions');
    expect(found).toEqual(pairs.map(([resId, resVer]) => ({ res_id: String(resId), res_ver: String(resVer) })));
  });
});
