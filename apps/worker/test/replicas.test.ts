import { readSettings } from '@viewmill/contracts';
import { createLogger } from '@viewmill/observability';
import { useDatabase } from '@viewmill/testkit';
import { checkReplicas, openDatabases } from '@viewmill/worker';
import { describe, expect, it } from 'vitest';

const log = createLogger({ name: 'test', level: 'silent' });

describe('DATABASE_READ_URLS', () => {
  const database = useDatabase('empty');

  async function check(urls: string, runner = 'hybrid'): Promise<number> {
    const settings = readSettings({ DATABASE_URL: database.url, DATABASE_READ_URLS: urls, VIEWDEF_RUNNER: runner });
    const databases = openDatabases(settings, log);
    try {
      await checkReplicas(databases, log);
      return databases.replicas.length;
    } finally {
      await databases.close();
    }
  }

  it('that name the primary itself are refused when the worker starts', async () => {
    await expect(check(database.url)).rejects.toMatchObject({ code: 'VM3005', at: 'DATABASE_READ_URLS' });
  });

  it('that cannot be reached yet are kept: the primary answers meanwhile', async () => {
    expect(await check(' postgres://nobody@127.0.0.1:1/none , ')).toBe(1);
    expect(await check('')).toBe(0);
  });
});
