import { describeWithRedis, describeWithShared, ndjson, ndjsonLines, testRedis, until } from '@viewmill/testkit';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';

describe('until', () => {
  it('gives the first truthy value, past errors', async () => {
    let calls = 0;
    const value = await until(() => {
      calls += 1;
      if (calls === 1) throw new Error('not yet');
      return calls === 3 ? 'done' : '';
    });
    expect(value).toBe('done');
  });
  it('says what did not come about, and why', async () => {
    const never = until(() => Promise.reject(new Error('reason')), { timeoutMs: 1, what: 'the end' });
    await expect(never).rejects.toMatchObject({ message: 'the end did not come about within 1 ms', cause: new Error('reason') });
  });
});

describeWithShared('ndjson', () => {
  it('reads the Synthea resources', () => {
    expect(ndjson('Patient')).toHaveLength(120);
    expect(ndjson('Patient')[0]?.resourceType).toBe('Patient');
    expect(ndjsonLines('Patient')).toHaveLength(120);
  });
});

describeWithRedis('testRedis', ({ url, prefix }) => {
  it('answers, and every caller has a prefix of its own', async () => {
    const client = new Redis(url);
    await client.set(`${prefix}:a`, '1');
    expect(await client.get(`${prefix}:a`)).toBe('1');
    expect(testRedis().prefix).not.toBe(prefix);
    await client.quit();
  });
});
