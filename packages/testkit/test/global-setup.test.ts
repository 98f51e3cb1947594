import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { useDatabase } from '@viewmill/testkit';
import { describe, expect, inject, it } from 'vitest';

const root = join(import.meta.dirname, '../../..');

/** Neither a server to start, nor a container engine that answers. */
const NO_REDIS = { REDIS_URL: '', PATH: '/nonexistent', DOCKER_HOST: 'tcp://127.0.0.1:1' };

function runFixtures(env: Readonly<Record<string, string>>): Promise<{ readonly code: number | null; readonly output: string }> {
  return new Promise((resolve, reject) => {
    const args = [
      join(root, 'node_modules/vitest/vitest.mjs'),
      'run',
      '--config',
      join(import.meta.dirname, 'fixtures/vitest.config.ts'),
    ];
    const child = spawn(process.execPath, args, { cwd: root, env: { ...process.env, NO_COLOR: '1', ...env } });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
}

describe('a run of careless tests', () => {
  const database = useDatabase();
  it('fails for what they leave open, and says in one line what was left out', async () => {
    const { code, output } = await runFixtures({
      CI: '',
      VIEWMILL_SHARED: '/nonexistent',
      DATABASE_URL: database.url,
      ...NO_REDIS,
    });
    expect(code).toBe(1);
    expect(output).toContain('leaked connection: idle: select $1::int as forgotten');
    expect(output).not.toContain('12345');
    expect(output).toMatch(/test databases never closed: vmtest_\w+ of .*careless\.fixture\.ts/);
    expect(output).toContain('LEFT OUT (CI=true would fail): needs the dumps (no ../shared); needs Redis (no REDIS_URL');
    const { rows } = await database.pool.query(
      `select datname from pg_database where shobj_description(oid, 'pg_database') like '%careless%'`,
    );
    expect(rows).toEqual([]);
  });
  it('leaves nothing out in CI', async () => {
    const { redisUrl } = inject('viewmill');
    if (redisUrl !== null) {
      const { code, output } = await runFixtures({
        CI: 'true',
        VIEWMILL_SHARED: '/nonexistent',
        DATABASE_URL: database.url,
        REDIS_URL: redisUrl,
      });
      expect(code).toBe(1);
      expect(output).toContain('CI leaves nothing out, but needs the dumps: no ../shared');
    }
    const { code, output } = await runFixtures({ CI: 'true', DATABASE_URL: database.url, ...NO_REDIS });
    expect(code).toBe(1);
    expect(output).toContain('CI needs Redis');
  });
});
