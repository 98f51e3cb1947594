import { randomUUID } from 'node:crypto';
import { ViewmillError } from '@viewmill/contracts';
import { SignJWT } from 'jose';
import type { Credentials } from './credentials.ts';
import { type RequestLimits, request } from './request.ts';
import { resolveInBase } from './search-url.ts';
import { readSigningKey } from './smart-key.ts';

export interface SmartOptions {
  /** Null: asked for at `[base]/.well-known/smart-configuration`. */
  readonly tokenUrl: string | null;
  readonly clientId: string;
  readonly privateKeyFile: string;
  readonly scope: string;
}

interface Token {
  readonly header: string;
  /** Milliseconds since 1970 after which a new one is fetched. */
  readonly renewAt: number;
}

/** Of an assertion; at most five minutes are allowed. */
const ASSERTION_SECONDS = 240;
/** If the server does not say. */
const DEFAULT_TOKEN_SECONDS = 300;
const EARLY_SECONDS = 30;

/** SMART Backend Services: client credentials with a signed JWT (hl7.org/fhir/smart-app-launch/backend-services.html). */
export function smartCredentials(base: URL, options: SmartOptions, limits: RequestLimits): Credentials {
  let fetching: Promise<Token> | null = null;
  let known: Token | null = null;
  let endpoint: URL | null = options.tokenUrl === null ? null : new URL(options.tokenUrl);

  async function fetchToken(signal: AbortSignal): Promise<Token> {
    endpoint ??= await discover(base, limits, signal);
    const url = endpoint;
    const signing = await readSigningKey(options.privateKeyFile);
    const make = async () => ({
      url,
      what: 'the token endpoint',
      method: 'POST' as const,
      headers: { accept: 'application/json' },
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        scope: options.scope,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        // A new one for every attempt: its jti may be used once.
        client_assertion: await new SignJWT({})
          .setProtectedHeader({ alg: signing.alg, kid: signing.kid, typ: 'JWT' })
          .setIssuer(options.clientId)
          .setSubject(options.clientId)
          .setAudience(url.href)
          .setJti(randomUUID())
          .setIssuedAt()
          .setExpirationTime(`${ASSERTION_SECONDS}s`)
          .sign(signing.key),
      }),
    });
    return request(make, limits, signal, ({ status, text }) => {
      if (status !== 200) throw refused(status, text);
      const { access_token, expires_in } = JSON.parse(text) as { access_token?: unknown; expires_in?: unknown };
      if (typeof access_token !== 'string' || !/^[\x21-\x7e]+$/.test(access_token))
        throw new ViewmillError('VM3022', 'the token endpoint gave no token');
      const seconds = Number(expires_in ?? DEFAULT_TOKEN_SECONDS) || 0;
      const early = Math.min(EARLY_SECONDS, seconds / 10);
      return { header: `Bearer ${access_token}`, renewAt: Date.now() + (seconds - early) * 1000 };
    });
  }

  return {
    async header(signal) {
      if (known !== null && known.renewAt > Date.now()) return known.header;
      // One for all who need it now, so it does not end when one of them gives up.
      if (fetching === null) {
        const started = fetchToken(new AbortController().signal);
        fetching = started;
        const ended = (): void => {
          fetching = null;
        };
        started.then((token) => {
          known = token;
          ended();
        }, ended);
      }
      return (await unlessAborted(fetching, signal)).header;
    },
    renew(refusedHeader) {
      if (known?.header === refusedHeader) known = null;
      return true;
    },
  };
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

async function discover(base: URL, limits: RequestLimits, signal: AbortSignal): Promise<URL> {
  const url = resolveInBase(base, '.well-known/smart-configuration');
  const make = async () => ({ url, what: 'the SMART configuration', headers: { accept: 'application/json' } });
  return request(make, limits, signal, ({ status, text }) => {
    const found = status === 200 ? (JSON.parse(text) as { token_endpoint?: unknown }).token_endpoint : undefined;
    const endpoint = typeof found === 'string' && URL.canParse(found) ? new URL(found) : null;
    if (endpoint === null || (endpoint.protocol !== 'https:' && endpoint.protocol !== base.protocol)) {
      throw new ViewmillError('VM3022', `the FHIR server names no token endpoint (HTTP ${status}): set FHIR_TOKEN_URL`);
    }
    return endpoint;
  });
}

/** OAuth's error code says what is wrong; descriptions may quote what was sent. */
function refused(status: number, text: string): ViewmillError {
  const code = /"error"\s*:\s*"([a-z_]{1,40})"/.exec(text)?.[1];
  return new ViewmillError('VM3022', `the token endpoint refused (HTTP ${status}${code === undefined ? '' : `, ${code}`})`);
}
