import { readSettings } from '@viewmill/contracts';
import { createLogger } from '@viewmill/observability';
import { useDatabase } from '@viewmill/testkit';
import { openDatabases, sizePools } from '@viewmill/worker';
import { describe, expect, it } from 'vitest';

const log = createLogger({ name: 'test', level: 'silent' });

describe('the pools', () => {
  const database = useDatabase('empty');

  /** Sizes that the worker's pools get. */
  async function sizes(env: Record<string, string>): Promise<(number | undefined)[]> {
    const settings = readSettings({ DATABASE_URL: database.url, ...env });
    const databases = openDatabases(settings, log);
    try {
      await sizePools(databases, settings, log);
      const { source, target, queries } = databases;
      return [source, target].map(
        (pool, index) => (pool.options.max ?? 0) + ([queries.source, queries.target][index]?.options.max ?? 0),
      );
    } finally {
      await databases.close();
    }
  }

  async function usable(): Promise<number> {
    const { rows } = await database.pool.query<{ usable: number }>(
      `select sum(case name when 'max_connections' then setting::int else -setting::int end)::int as usable from pg_settings
       where name in ('max_connections', 'superuser_reserved_connections', 'reserved_connections')`,
    );
    return rows[0]?.usable ?? 0;
  }

  it('are as large as the worker needs where the server allows it', async () => {
    expect(await sizes({ WORKER_CONCURRENCY: '3', HEAVY_CONCURRENCY: '2', EXPORT_CONCURRENCY: '1' })).toEqual([14, 14]);
  });

  it('take their share of the connections, divided by the pools of one server', async () => {
    const all = await usable();
    expect(await sizes({ WORKER_CONCURRENCY: '5000' })).toEqual([Math.floor(all / 2), Math.floor(all / 2)]);
    const elsewhere = { WORKER_CONCURRENCY: '5000', CATALOG_DATABASE_URL: `${database.url}?options=` };
    expect(await sizes({ ...elsewhere, DATABASE_POOL_SHARE: '1' })).toEqual([Math.floor(all / 2), Math.floor(all / 2)]);
  });

  it('never fall below what refreshes need at once', async () => {
    expect(await sizes({ DATABASE_POOL_SHARE: '0.001', REFRESH_CONCURRENCY: '2' })).toEqual([13, 13]);
    await expect(sizes({ DATABASE_POOL_MAX: '6' })).rejects.toMatchObject({ code: 'VM3005' });
  });

  it('are as large as the settings say', async () => {
    expect(await sizes({ DATABASE_POOL_MAX: '40' })).toEqual([40, 40]);
  });
});
