import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { restSource } from '@viewmill/fhir-source';
import { startFhirServer, type TestFhirServer } from '@viewmill/testkit';
import { jwtVerify } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const RESOURCE = '{"resourceType":"Patient","id":"p"}';
const KEYS = {
  rsa: { ...generateKeyPairSync('rsa', { modulusLength: 2048 }), alg: 'RS384' },
  ec: { ...generateKeyPairSync('ec', { namedCurve: 'P-384' }), alg: 'ES384' },
};

describe('SMART Backend Services', () => {
  let folder = '';
  let tokenServer: Server;
  let fhir: TestFhirServer;
  let publicKey: KeyObject = KEYS.ec.publicKey;
  /** What the token endpoint has seen and given. */
  let asked: { headers: unknown; claims: Record<string, unknown>; scope: string | null }[] = [];
  let issued: string[] = [];
  let revoked = new Set<string>();
  let expiresIn = 300;
  const jtis = new Set<unknown>();

  const tokenUrl = (): string => `http://127.0.0.1:${(tokenServer.address() as AddressInfo).port}/token`;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'viewmill-smart-'));
    [asked, issued, revoked, expiresIn] = [[], [], new Set(), 300];
    tokenServer = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', async () => {
        const form = new URLSearchParams(Buffer.concat(chunks).toString());
        try {
          const isForm = request.headers['content-type']?.startsWith('application/x-www-form-urlencoded');
          if (request.method !== 'POST' || !isForm || form.get('grant_type') !== 'client_credentials') throw new Error('form');
          if (form.get('client_assertion_type') !== 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
            throw new Error('type');
          const { payload, protectedHeader } = await jwtVerify(form.get('client_assertion') ?? '', publicKey, {
            issuer: 'client-1',
            subject: 'client-1',
            audience: tokenUrl(),
            maxTokenAge: 300,
            requiredClaims: ['exp', 'jti'],
          });
          const { exp = 0, iat = 0, jti } = payload;
          if (exp - iat > 300 || jtis.has(jti)) throw new Error('claims');
          jtis.add(jti);
          asked.push({ headers: protectedHeader, claims: payload, scope: form.get('scope') });
          issued.push(`t0ken-${issued.length + 1}`);
          response.end(JSON.stringify({ access_token: issued.at(-1), token_type: 'bearer', expires_in: expiresIn }));
        } catch {
          response
            .writeHead(400)
            .end(JSON.stringify({ error: 'invalid_client', error_description: form.get('client_assertion') }));
        }
      });
    });
    await new Promise<void>((resolve) => tokenServer.listen(0, '127.0.0.1', resolve));
    fhir = await startFhirServer({
      resources: () => [RESOURCE, RESOURCE, RESOURCE],
      before: (request, response) => {
        if (request.url?.endsWith('/.well-known/smart-configuration')) {
          response.end(JSON.stringify({ token_endpoint: tokenUrl() }));
          return true;
        }
        const token = request.headers.authorization?.replace('Bearer ', '') ?? '';
        if (issued.includes(token) && !revoked.has(token)) return false;
        response.writeHead(401).end();
        return true;
      },
    });
  });
  afterEach(async () => {
    await fhir.close();
    await new Promise((resolve) => tokenServer.close(resolve));
    await rm(folder, { recursive: true });
  });

  async function keyFile(name: string, content: string): Promise<string> {
    const file = join(folder, name);
    await writeFile(file, content);
    return file;
  }

  async function jwkFile(more: Record<string, unknown> = { kid: 'key-7' }): Promise<string> {
    publicKey = KEYS.ec.publicKey;
    return keyFile('key.json', JSON.stringify({ ...KEYS.ec.privateKey.export({ format: 'jwk' }), ...more }));
  }

  function source(privateKeyFile: string, smart: { tokenUrl?: string | null; clientId?: string } = {}) {
    const options = { tokenUrl: tokenUrl(), clientId: 'client-1', scope: 'system/*.read', privateKeyFile, ...smart };
    return restSource({ baseUrl: fhir.url, pageSize: 2, attempts: 2, backoffMs: 1, smart: options });
  }

  async function count(from: ReturnType<typeof source>): Promise<number> {
    let texts = 0;
    for await (const batch of from.read({ resourceType: 'Patient' })) texts += batch.texts.length;
    return texts;
  }

  it('signs with a JWK, and uses one token until it expires', async () => {
    const from = source(await jwkFile());
    expect(await Promise.all([count(from), count(from)])).toEqual([3, 3]);
    expect(await count(from)).toBe(3);
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatchObject({ headers: { alg: 'ES384', kid: 'key-7', typ: 'JWT' }, scope: 'system/*.read' });
    expect(new Set(fhir.requests.map(({ headers }) => headers.authorization))).toEqual(new Set(['Bearer t0ken-1']));
  });

  it.each([
    ['rsa', 'pkcs8'],
    ['rsa', 'pkcs1'],
    ['ec', 'pkcs8'],
    ['ec', 'sec1'],
  ] as const)('signs with a PEM (%s, %s) and names its thumbprint', async (kind, type) => {
    publicKey = KEYS[kind].publicKey;
    const pem = KEYS[kind].privateKey.export({ format: 'pem', type } as never) as unknown as string;
    expect(await count(source(await keyFile('key.pem', pem)))).toBe(3);
    expect(asked[0]?.headers).toMatchObject({ alg: KEYS[kind].alg, kid: expect.stringMatching(/^[\w-]{43}$/) as string });
  });

  it('finds the token endpoint', async () => {
    expect(await count(source(await jwkFile(), { tokenUrl: null }))).toBe(3);
    expect(fhir.requests.filter(({ url }) => url.pathname === '/fhir/R4/.well-known/smart-configuration')).toHaveLength(1);
    // Nothing is told before there is a token.
    expect(fhir.requests[0]?.headers.authorization).toBeUndefined();
  });

  it('renews a token that expires, and once after 401', async () => {
    const from = source(await jwkFile());
    expiresIn = 0;
    expect(await count(from)).toBe(3);
    expect(asked.length).toBe(2);
    expiresIn = 300;
    expect(await count(from)).toBe(3);
    expect(asked.length).toBe(3);
    revoked.add('t0ken-3');
    expect(await count(from)).toBe(3);
    expect(asked.length).toBe(4);
    revoked = new Set(['t0ken-4', 't0ken-5']);
    await expect(count(from)).rejects.toMatchObject({ code: 'VM3022', message: expect.stringContaining('401') as string });
    expect(asked.length).toBe(5);
  });

  it('says what the token endpoint refused, and no secret', async () => {
    const file = await jwkFile();
    publicKey = KEYS.rsa.publicKey;
    const error = (await count(source(file)).catch((thrown: unknown) => thrown)) as Error;
    expect(error).toMatchObject({ code: 'VM3022', message: 'the token endpoint refused (HTTP 400, invalid_client)' });
    expect(error.cause).toBeUndefined();
    publicKey = KEYS.ec.publicKey;
    await expect(count(source(file, { clientId: 'another' }))).rejects.toMatchObject({ code: 'VM3022' });
    await expect(count(source(file, { tokenUrl: 'http://127.0.0.1:1/token' }))).rejects.toMatchObject({ code: 'VM3021' });
  });

  it.each([
    ['nothing', ''],
    ['something else', 'hello s3cr3t'],
    ['a public key', JSON.stringify(KEYS.ec.publicKey.export({ format: 'jwk' }))],
    ['JSON of something else', '{"s3cr3t":1}'],
  ])('names the setting if the file holds %s', async (_, content) => {
    const error = (await count(source(await keyFile('bad', content))).catch((thrown: unknown) => thrown)) as Error;
    expect(error).toMatchObject({ code: 'VM3005', at: 'FHIR_PRIVATE_KEY_FILE' });
    expect(error.message).not.toContain('s3cr3t');
    await expect(count(source(join(folder, 'none')))).rejects.toMatchObject({ code: 'VM3005' });
  });
});
