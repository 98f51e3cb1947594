import type { IncomingMessage, ServerResponse } from 'node:http';
import { type RestOptions, restSource, type TextRequest, type TextSource } from '@viewmill/fhir-source';
import { type FhirServerOptions, startFhirServer, type TestFhirServer, until } from '@viewmill/testkit';
import { afterEach, describe, expect, it } from 'vitest';

/** Texts as no serializer would write them: digits, escapes and braces must come through. */
const TEXTS = Array.from(
  { length: 25 },
  (_, index) =>
    `{"resourceType":"Observation","id":"o${index}", "text":{"div":"a \\"}]{ ${index} \\\\"}, "valueQuantity":{"value":${index}.10, "resource":[1.0]}}`,
);
const SECRET = 'Bearer s3cr3t-t0ken';

describe('a FHIR REST source', () => {
  const servers: TestFhirServer[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close();
  });

  async function serve(options: Partial<FhirServerOptions> = {}): Promise<TestFhirServer> {
    const server = await startFhirServer({ resources: (type) => (type === 'Observation' ? TEXTS : []), ...options });
    servers.push(server);
    return server;
  }

  function source(server: TestFhirServer, options: Partial<RestOptions> = {}): TextSource {
    return restSource({ baseUrl: server.url, pageSize: 10, attempts: 3, backoffMs: 1, idleMs: 10_000, ...options });
  }

  async function read(from: TextSource, request: Partial<TextRequest> = {}): Promise<string[]> {
    const texts: string[] = [];
    for await (const batch of from.read({ resourceType: 'Observation', ...request })) texts.push(...batch.texts);
    return texts;
  }

  async function failure(promise: Promise<unknown>): Promise<{ code?: string; message: string }> {
    const error = (await promise.then(
      () => null,
      (thrown: unknown) => thrown,
    )) as { code?: string; message: string; cause?: unknown };
    expect(error).not.toBeNull();
    // Neither tokens nor what is searched for may show up in an error, nor in what it carries along.
    expect(`${error.message} ${String((error as { stack?: string }).stack)} ${JSON.stringify(error)}`).not.toMatch(/s3cr3t|o17/);
    return error;
  }

  it.each(['absolute', 'path', 'base', 'query'] as const)('follows next links that are %s', async (next) => {
    const server = await serve({ next });
    expect(await read(source(server))).toEqual(TEXTS);
    expect(server.requests.map(({ url }) => [url.searchParams.get('_count'), url.searchParams.get('page')])).toEqual([
      ['10', null],
      ['10', '10'],
      ['10', '20'],
    ]);
    expect(server.requests[0]?.headers.accept).toBe('application/fhir+json');
  });

  it('takes a base URL with a slash at its end, and a type without resources', async () => {
    const server = await serve();
    expect(await read(source(server, { baseUrl: `${server.url}/` }))).toHaveLength(25);
    expect(await read(source(server), { resourceType: 'Patient' })).toEqual([]);
  });

  it('asks only for what every server understands', async () => {
    const server = await serve();
    const narrowing = { ids: ['o1', 'o2'], patients: ['p1'], updated: [{ from: '2024-01-01T00:00:00.000Z', to: 'infinity' }] };
    await read(source(server), { narrowing });
    await read(source(server), { resourceType: 'Organization', narrowing });
    await read(source(server), { narrowing: { ids: Array.from({ length: 500 }, (_, index) => `long-${index}`) } });
    const first = server.requests.filter(({ url }) => !url.searchParams.has('page'));
    expect(first.map(({ url }) => Object.fromEntries(url.searchParams))).toEqual([
      { _count: '10', _id: 'o1,o2', patient: 'p1', _lastUpdated: 'ge2024-01-01T00:00:00.000Z' },
      { _count: '10', _id: 'o1,o2', _lastUpdated: 'ge2024-01-01T00:00:00.000Z' },
      { _count: '10' },
    ]);
  });

  const cut = JSON.stringify({ resourceType: 'Bundle', type: 'searchset', entry: [{ resource: { id: 'x' } }] }).slice(0, -3);
  const faults: [string, (request: IncomingMessage, response: ServerResponse) => void][] = [
    ['status 500', (_, response) => response.writeHead(500).end('<html>')],
    ['status 503', (_, response) => response.writeHead(503, { 'retry-after': '0' }).end()],
    ['status 429', (_, response) => response.writeHead(429, { 'retry-after': new Date().toUTCString() }).end()],
    ['status 408', (_, response) => response.writeHead(408).end()],
    ['a connection that is reset', (request) => request.socket.resetAndDestroy()],
    ['JSON that is cut off', (_, response) => response.end(cut)],
    [
      'a transfer that is cut off',
      (_, response) => {
        response.writeHead(200, { 'content-length': '9999' });
        response.write(cut, () => response.destroy());
      },
    ],
    ['an empty answer', (_, response) => response.end()],
    ['silence', () => undefined],
    [
      'silence in the middle',
      (_, response) => {
        response.write(cut);
      },
    ],
  ];

  it.each(faults)('tries again after %s', async (_, fault) => {
    const server = await serve({
      before: (request, response, number) => {
        if (number !== 1 && number !== 3) return false;
        fault(request, response);
        return true;
      },
    });
    expect(await read(source(server, { idleMs: 1000 }))).toEqual(TEXTS);
    expect(server.requests).toHaveLength(5);
  });

  it.each(faults)('gives up after the last attempt: %s', async (_, fault) => {
    const server = await serve({
      before: (request, response) => {
        fault(request, response);
        return true;
      },
    });
    const error = await failure(read(source(server, { idleMs: 200, authorization: SECRET }), { narrowing: { ids: ['o17'] } }));
    expect(error).toMatchObject({ code: 'VM3021', message: expect.stringContaining('given up after 3 attempts') as string });
    expect(server.requests).toHaveLength(3);
  });

  it('waits as long as Retry-After says, unless that is too long', async () => {
    const times: number[] = [];
    let wait = '1';
    const server = await serve({
      before: (_, response, number) => {
        times.push(Date.now());
        if (number > 1 && wait === '1') return false;
        response.writeHead(429, { 'retry-after': wait }).end();
        return true;
      },
    });
    expect(await read(source(server))).toHaveLength(25);
    // Timers may be early by a millisecond.
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(990);
    wait = '3600';
    expect(await failure(read(source(server)))).toMatchObject({
      code: 'VM3021',
      message: expect.stringContaining('3600 s') as string,
    });
    expect(server.requests).toHaveLength(5);
  });

  it('says at once what no further attempt can mend', async () => {
    const answers: [string, (response: ServerResponse) => void][] = [
      ['VM3020', (response) => response.writeHead(404).end('{"resourceType":"OperationOutcome"}')],
      ['VM3020', (response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()],
      ['VM3022', (response) => response.writeHead(403).end()],
      ['VM3022', (response) => response.writeHead(401).end()],
      ['VM3023', (response) => response.end('<html>log in</html>')],
      ['VM3023', (response) => response.end('{"resourceType":"OperationOutcome"}')],
      ['VM3023', (response) => response.end(' '.repeat(5000))],
    ];
    for (const [code, answer] of answers) {
      const server = await serve({
        before: (_, response) => {
          answer(response);
          return true;
        },
      });
      const options = { authorization: SECRET, maxBytes: 4000 };
      expect(await failure(read(source(server, options), { narrowing: { ids: ['o17'] } }))).toMatchObject({ code });
      expect(server.requests).toHaveLength(1);
    }
  });

  it('sees that next links lead in a circle', async () => {
    for (const target of [0, 10]) {
      const server = await serve({
        before: (request, response) => {
          const page = new URL(request.url ?? '', 'http://x').searchParams.get('page');
          if (page !== '10') return false;
          const next = target === 0 ? 'Observation?_count=10' : 'Observation?_count=10&page=10';
          response.end(JSON.stringify({ resourceType: 'Bundle', link: [{ relation: 'next', url: next }] }));
          return true;
        },
      });
      expect(await failure(read(source(server)))).toMatchObject({ code: 'VM3023' });
      expect(server.requests).toHaveLength(2);
    }
  });

  it('tells no other server its credentials', async () => {
    const other = await serve();
    const server = await serve({
      before: (_, response) => {
        const url = `${other.url}/Observation?_count=100`;
        response.end(JSON.stringify({ resourceType: 'Bundle', link: [{ relation: 'next', url }] }));
        return true;
      },
    });
    expect(await failure(read(source(server, { authorization: SECRET })))).toMatchObject({ code: 'VM3023' });
    expect(server.requests[0]?.headers.authorization).toBe(SECRET);
    expect(other.requests).toHaveLength(0);
    // Without credentials there is nothing to lose: servers behind proxies write such links.
    expect(await read(source(server))).toEqual(TEXTS);
  });

  it('is one page ahead, and no further', async () => {
    let ahead = 0;
    let taken = 0;
    const server = await serve({
      before: (_request, _response, number) => {
        ahead = Math.max(ahead, number - taken);
        return false;
      },
    });
    for await (const { texts } of source(server, { pageSize: 2 }).read({ resourceType: 'Observation' })) {
      expect(texts.length).toBeGreaterThan(0);
      taken += 1;
      // The next page is on its way while this one is still being looked at.
      await until(() => server.requests.length === Math.min(taken + 1, 13));
    }
    expect([taken, ahead]).toEqual([13, 1]);
  });

  it('hangs up when the reader leaves or is told to', async () => {
    const stop = new AbortController();
    let closed = 0;
    const server = await serve({
      before: (request, _, number) => {
        request.socket.on('close', () => {
          closed += number % 2 === 0 ? 1 : 0;
        });
        return number % 2 === 0;
      },
    });
    for await (const { texts } of source(server).read({ resourceType: 'Observation' })) {
      expect(texts).toHaveLength(10);
      await until(() => server.requests.length === 2);
      break;
    }
    await until(() => closed === 1);
    const reading = read(source(server), { signal: stop.signal });
    await until(() => server.requests.length === 4);
    stop.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
    await until(() => closed === 2);
    await expect(read(source(server), { signal: stop.signal })).rejects.toThrow('enough');
  });

  it('refuses settings that cannot work, without repeating them', async () => {
    const server = await serve();
    for (const options of [
      { baseUrl: 'ftp://s3cr3t' },
      { baseUrl: 's3cr3t' },
      { baseUrl: 'https://user:s3cr3t@example.org/fhir' },
      { authorization: `${SECRET}\nx` },
    ]) {
      expect(await failure(Promise.resolve().then(() => source(server, options)))).toMatchObject({ code: 'VM3005' });
    }
  });
});
