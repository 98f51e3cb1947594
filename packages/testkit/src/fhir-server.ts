import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A FHIR server that can search, over texts that are served as they are; and can be told to misbehave. */
export interface TestFhirServer {
  /** The base URL, with a path. */
  readonly url: string;
  /** Every request so far. */
  readonly requests: readonly { readonly url: URL; readonly headers: IncomingHttpHeaders }[];
  close(): Promise<void>;
}

export interface FhirServerOptions {
  /** The resources of a type as JSON texts. */
  readonly resources: (type: string) => readonly string[];
  /** How the next link is written; default absolute. */
  readonly next?: 'absolute' | 'path' | 'base' | 'query' | undefined;
  /** Asked before each answer, with the number of the request from 1. Whoever answers here, or lets the client wait, returns true. */
  readonly before?: (request: IncomingMessage, response: ServerResponse, number: number) => boolean | Promise<boolean>;
}

const BASE = '/fhir/R4';

export async function startFhirServer({ resources, next = 'absolute', before }: FhirServerOptions): Promise<TestFhirServer> {
  const requests: { url: URL; headers: IncomingHttpHeaders }[] = [];
  let origin = '';
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '', origin);
    requests.push({ url, headers: request.headers });
    if (before !== undefined && (await before(request, response, requests.length))) return;
    response.setHeader('content-type', 'application/fhir+json');
    response.end(bundle(url, found(resources(url.pathname.slice(BASE.length + 1)), url.searchParams), next));
  };
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `${origin}${BASE}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The parameters `_id`, `patient` and `_lastUpdated` as FHIR defines them, as far as they are used here. */
function found(texts: readonly string[], parameters: URLSearchParams): readonly string[] {
  const ids = parameters.get('_id')?.split(',');
  const patients = parameters.get('patient')?.split(',');
  const updated = parameters.getAll('_lastUpdated');
  if (ids === undefined && patients === undefined && updated.length === 0) return texts;
  return texts.filter((text) => {
    const { id, meta, subject, patient } = JSON.parse(text) as Searched;
    const of = (subject ?? patient)?.reference?.replace('Patient/', '') ?? '';
    const at = Date.parse(meta?.lastUpdated ?? '');
    return (
      (ids?.includes(id) ?? true) &&
      (patients?.includes(of) ?? true) &&
      updated.every((bound) => {
        const limit = Date.parse(bound.slice(2));
        return bound.startsWith('ge') ? at >= limit : at < limit;
      })
    );
  });
}

interface Searched {
  readonly id: string;
  readonly meta?: { readonly lastUpdated?: string };
  readonly subject?: { readonly reference?: string };
  readonly patient?: { readonly reference?: string };
}

function bundle(url: URL, texts: readonly string[], next: FhirServerOptions['next']): string {
  const count = Number(url.searchParams.get('_count') ?? 20);
  const offset = Number(url.searchParams.get('page') ?? 0);
  const entries = texts
    .slice(offset, offset + count)
    .map((text) => `{ "fullUrl": "urn:x", "resource":${text}, "search": {"mode":"match"} }`);
  // What servers add to an answer, and no view wants.
  entries.push('{"resource":{"resourceType":"OperationOutcome","issue":[]},"search":{"mode":"outcome"}}');
  const more = offset + count < texts.length;
  const following = new URL(url);
  following.searchParams.set('page', String(offset + count));
  const link = [{ relation: 'self', url: url.href }, ...(more ? [{ relation: 'next', url: written(following, next) }] : [])];
  return `{"resourceType":"Bundle","type":"searchset","link":${JSON.stringify(link)},"entry":[${entries.join(',')}]}`;
}

function written(url: URL, next: FhirServerOptions['next']): string {
  if (next === 'path') return url.pathname + url.search;
  if (next === 'base') return url.pathname.slice(BASE.length + 1) + url.search;
  return next === 'query' ? url.search : url.href;
}
