import { setTimeout as delay } from 'node:timers/promises';
import { ViewmillError } from '@viewmill/contracts';

export interface RequestLimits {
  /** How often a request is made before it is given up. */
  readonly attempts: number;
  /** Milliseconds without a byte after which an attempt has failed. */
  readonly idleMs: number;
  /** The first delay between attempts, in milliseconds; doubles, with jitter. */
  readonly backoffMs: number;
  /** Bytes of an answer at most. */
  readonly maxBytes: number;
}

export interface HttpRequest {
  readonly url: URL;
  /** For messages: what is asked of whom. The URL itself can hold ids of patients. */
  readonly what: string;
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: URLSearchParams;
}

export type Answer =
  | { readonly status: number; readonly text: string }
  /** What is wrong may pass by itself. */
  | { readonly failed: string; readonly retryAfterMs: number | null };

const MAX_BACKOFF_MS = 10_000;
/** A server that wants longer than this is not there, for a query. */
const MAX_RETRY_AFTER_MS = 60_000;
/** Errors of certificates and of our own requests do not pass. */
const LASTING = /^(CERT_|ERR_TLS|ERR_SSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|UND_ERR_INVALID_ARG)/;

/**
 * Makes a request until it is answered: again after 408, 429 (after its Retry-After), 5xx, time-outs, broken connections and
 * answers that `accept` finds damaged.
 * @param accept turns an answer into a result; it throws SyntaxError for a damaged one and ViewmillError for a final one.
 * @throws ViewmillError VM3021 after the last attempt; the signal's reason when aborted.
 */
export async function request<T>(
  make: () => Promise<HttpRequest>,
  limits: RequestLimits,
  signal: AbortSignal,
  accept: (answer: { readonly status: number; readonly text: string }, request: HttpRequest) => T,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const made = await make();
    const answer = await send(made, limits, signal);
    const failure = 'failed' in answer ? answer : accepted(() => accept(answer, made));
    if ('result' in failure) return failure.result;
    const { failed, retryAfterMs } = failure;
    if (attempt >= limits.attempts || (retryAfterMs ?? 0) > MAX_RETRY_AFTER_MS) {
      const wanted = retryAfterMs === null ? '' : `; it asks to wait ${Math.ceil(retryAfterMs / 1000)} s`;
      throw new ViewmillError('VM3021', `${made.what}: given up after ${attempt} attempts: ${failed}${wanted}`);
    }
    const backoff = Math.min(limits.backoffMs * 2 ** (attempt - 1), MAX_BACKOFF_MS);
    await pause(Math.max(backoff * (0.5 + Math.random() / 2), retryAfterMs ?? 0), signal);
  }
}

function accepted<T>(accept: () => T): { readonly result: T } | Extract<Answer, { failed: string }> {
  try {
    return { result: accept() };
  } catch (error) {
    if (error instanceof SyntaxError) return { failed: 'the answer is damaged or cut off', retryAfterMs: null };
    throw error;
  }
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { signal }).catch(() => {
    throw signal.reason;
  });
}

async function send(
  { url, what, method = 'GET', headers = {}, body }: HttpRequest,
  limits: RequestLimits,
  signal: AbortSignal,
): Promise<Answer> {
  signal.throwIfAborted();
  const attempt = new AbortController();
  const abort = (): void => attempt.abort();
  signal.addEventListener('abort', abort, { once: true });
  const timer = setTimeout(abort, limits.idleMs);
  try {
    // Redirects are not followed: where they lead must not be told what this server is told.
    const init = { method, headers: { ...headers }, redirect: 'manual' as const, signal: attempt.signal };
    const response = await fetch(url, body === undefined ? init : { ...init, body });
    const { status } = response;
    if (status === 408 || status === 429 || status >= 500) {
      await response.body?.cancel();
      return { failed: `HTTP ${status}`, retryAfterMs: retryAfter(response.headers.get('retry-after')) };
    }
    return { status, text: await readText(response, limits.maxBytes, what, () => timer.refresh()) };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ViewmillError) throw error;
    if (attempt.signal.aborted) return { failed: `no answer within ${limits.idleMs / 1000} s`, retryAfterMs: null };
    const code = codeOf(error);
    if (LASTING.test(code)) throw new ViewmillError('VM3020', `${what}: ${code}`);
    return { failed: code, retryAfterMs: null };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
    // Whatever is still open of this attempt.
    attempt.abort();
  }
}

async function readText(response: Response, maxBytes: number, what: string, onBytes: () => void): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  if (response.body !== null) {
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      onBytes();
      bytes += chunk.byteLength;
      if (bytes > maxBytes)
        throw new ViewmillError('VM3023', `${what}: an answer is larger than ${Math.floor(maxBytes / 1024 / 1024)} MB`);
      chunks.push(chunk);
    }
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Milliseconds; seconds or a date are allowed (RFC 9110 §10.2.3). */
function retryAfter(header: string | null): number | null {
  if (header === null) return null;
  const seconds = /^\s*\d+(\.\d+)?\s*$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(seconds) ? null : Math.max(0, seconds);
}

/** Only the code: messages of fetch quote URLs and headers. */
function codeOf(error: unknown): string {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const { code } = at as { code?: unknown };
    if (typeof code === 'string' && code !== '') return code;
  }
  return 'the connection broke';
}
