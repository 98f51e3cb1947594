import { ViewmillError } from '@viewmill/contracts';
import type { TextBatch, TextRequest, TextSource } from '../text-source.ts';
import { type BundlePage, readBundle } from './bundle.ts';
import { type Credentials, fixedHeader, noCredentials } from './credentials.ts';
import { type RequestLimits, request } from './request.ts';
import { nextUrl, searchUrl } from './search-url.ts';
import { type SmartOptions, smartCredentials } from './smart.ts';

export interface RestOptions extends Partial<RequestLimits> {
  /** `https://example.org/fhir`: any FHIR R4 server. */
  readonly baseUrl: string;
  /** A fixed header `Authorization`, or SMART Backend Services; neither: no credentials. */
  readonly authorization?: string | undefined;
  readonly smart?: SmartOptions | undefined;
  /** Resources a page, default 500; servers may give fewer. */
  readonly pageSize?: number | undefined;
}

const DEFAULTS: RequestLimits = { attempts: 5, idleMs: 60_000, backoffMs: 250, maxBytes: 256 * 1024 * 1024 };

interface Page extends BundlePage {
  readonly url: URL;
}

/**
 * Reads a FHIR server by paged searches. While a page is processed the next one is on its way, and no further one: so memory holds
 * two pages at most. Failures that may pass are tried again (`request`).
 * @throws ViewmillError VM3005 for an address or credentials that cannot be used.
 */
export function restSource(options: RestOptions): TextSource {
  const base = baseUrl(options.baseUrl);
  const limits = { ...DEFAULTS, ...defined(options) };
  const credentials = credentialsOf(base, options, limits);
  const pageSize = options.pageSize ?? 500;

  async function fetchPage(url: URL, resourceType: string, signal: AbortSignal): Promise<Page> {
    const what = `${resourceType} of the FHIR server`;
    for (let attempt = 1; ; attempt += 1) {
      // Another server must not see what this one is told.
      const header = url.origin === base.origin ? await credentials.header(signal) : null;
      const headers = { accept: 'application/fhir+json', ...(header === null ? {} : { authorization: header }) };
      const page = await request(
        async () => ({ url, what, headers }),
        limits,
        signal,
        ({ status, text }) => (status === 401 ? null : pageOf(status, text, what)),
      );
      if (page !== null) return { ...page, url };
      if (attempt > 1 || !credentials.renew(header)) throw new ViewmillError('VM3022', `${what}: HTTP 401`);
    }
  }

  /** @throws ViewmillError VM3023 for a link that leads in a circle, nowhere, or to a server that must not get the credentials. */
  function follow(page: Page, resourceType: string, visited: Set<string>): URL | null {
    if (page.next === null) return null;
    const url = nextUrl(base, page.url, page.next);
    const fault = (message: string): ViewmillError =>
      new ViewmillError('VM3023', `${resourceType} of the FHIR server: ${message}`);
    if (url === null) throw fault('the link to the next page is no address');
    if (url.origin !== base.origin && credentials !== noCredentials)
      throw fault('the link to the next page leads to another server, which must not get the credentials');
    if (visited.has(url.href)) throw fault('the links to the next page lead in a circle');
    visited.add(url.href);
    return url;
  }

  return {
    description: 'the FHIR server',
    async *read(asked: TextRequest) {
      const { resourceType, signal } = asked;
      const reading = new AbortController();
      const abort = (): void => reading.abort(signal?.reason);
      if (signal?.aborted) abort();
      signal?.addEventListener('abort', abort, { once: true });
      const start = (url: URL): Promise<Page> => {
        const page = fetchPage(url, resourceType, reading.signal);
        // Its failure is met when its turn comes; should that never be, nobody minds.
        page.catch(() => undefined);
        return page;
      };
      const first = searchUrl(base, asked, pageSize);
      const visited = new Set([first.href]);
      try {
        let coming: Promise<Page> | null = start(first);
        for (let number = 1; coming !== null; number += 1) {
          const page: Page = await coming;
          const next = follow(page, resourceType, visited);
          coming = next === null ? null : start(next);
          yield batchOf(page, number);
          signal?.throwIfAborted();
        }
      } finally {
        signal?.removeEventListener('abort', abort);
        reading.abort();
      }
    },
  };
}

function batchOf({ texts }: Page, number: number): TextBatch {
  return { texts, place: (index) => `page ${number}, match ${index + 1}` };
}

/** @throws SyntaxError for a text that is cut off, ViewmillError VM3020, VM3022 or VM3023. */
function pageOf(status: number, text: string, what: string): BundlePage {
  if (status === 403) throw new ViewmillError('VM3022', `${what}: HTTP 403`);
  if (status >= 300 && status < 400)
    throw new ViewmillError('VM3020', `${what}: the server redirects (HTTP ${status}); set FHIR_BASE_URL to where it leads`);
  if (status !== 200) throw new ViewmillError('VM3020', `${what}: HTTP ${status}`);
  // HTML is what proxies and log-in pages answer: no other attempt makes JSON of it.
  const bundle = text.trimStart().startsWith('<') ? null : readBundle(text);
  if (bundle === null) throw new ViewmillError('VM3023', `${what}: the answer is no Bundle`);
  return bundle;
}

function credentialsOf(base: URL, { authorization, smart }: RestOptions, limits: RequestLimits): Credentials {
  if (authorization !== undefined) return fixedHeader(authorization);
  return smart === undefined ? noCredentials : smartCredentials(base, smart, limits);
}

/** An address with a password in it would show up in messages. */
function baseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new ViewmillError('VM3005', 'FHIR_BASE_URL is no http(s) address', { at: 'FHIR_BASE_URL' });
  if (url.username !== '' || url.password !== '')
    throw new ViewmillError('VM3005', 'FHIR_BASE_URL holds credentials: use FHIR_AUTHORIZATION', { at: 'FHIR_BASE_URL' });
  return url;
}

function defined({ attempts, idleMs, backoffMs, maxBytes }: Partial<RequestLimits>): Partial<RequestLimits> {
  return {
    ...(attempts === undefined ? {} : { attempts }),
    ...(idleMs === undefined ? {} : { idleMs }),
    ...(backoffMs === undefined ? {} : { backoffMs }),
    ...(maxBytes === undefined ? {} : { maxBytes }),
  };
}
