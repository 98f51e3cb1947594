import { type RunningApi, startApi } from '@viewmill/api';
import { readSettings, type Settings } from '@viewmill/contracts';
import { createLogger } from '@viewmill/observability';
import { startWorker } from '@viewmill/worker';

export interface System {
  readonly settings: Settings;
  readonly api: RunningApi;
  readonly startWorker: () => Promise<{ close: () => Promise<void> }>;
  /** Status, parsed body and headers of a request to the API. */
  readonly call: <T = Record<string, unknown>>(method: string, path: string, body?: unknown) => Promise<Answer<T>>;
  readonly close: () => Promise<void>;
}

export interface Answer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
  readonly text: string;
}

const log = createLogger({ name: 'test', level: 'silent' });

/** A real API on a real port and, if asked, workers, on the databases given. */
export async function startSystem(env: Readonly<Record<string, string>>): Promise<System> {
  const settings = readSettings({ PORT: '0', SCHEDULES_ENABLED: 'false', LOG_LEVEL: 'silent', REFRESH_BACKOFF_MS: '50', ...env });
  const api = await startApi({ settings, log });
  const workers: { close: () => Promise<void> }[] = [];
  return {
    settings,
    api,
    startWorker: async () => {
      const worker = await startWorker({ settings, log });
      workers.push(worker);
      return worker;
    },
    call: async <T>(method: string, path: string, body?: unknown): Promise<Answer<T>> => {
      const init = body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
      const response = await fetch(`${api.url}${path}`, { method, ...init });
      const text = await response.text();
      const isJson = /[/+]json/.test(response.headers.get('content-type') ?? '');
      return { status: response.status, headers: response.headers, text, body: (isJson ? JSON.parse(text) : {}) as T };
    },
    close: async () => {
      await api.close();
      for (const worker of workers) await worker.close();
    },
  };
}
