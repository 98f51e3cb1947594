import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { QueryJob, QueryMeta, QueryResult, RefreshResult } from '@viewmill/contracts';
import type { QueueConnection, QueueOptions, RefreshHandlers, WorkerOptions } from '@viewmill/queue';

/** Milliseconds of lock, where a test waits for it to run out. Elsewhere the default, which a busy machine does not outlast. */
export const SHORT_LOCK = 1000;

export const META: QueryMeta = {
  runner: 'materialized',
  reason: 'test',
  as_of: null,
  is_stale: false,
  rows: 1,
  queue_ms: 0,
  database_ms: 0,
};

/** A query for one patient, as the API makes it. */
export function query(fields: Partial<QueryJob> = {}): QueryJob {
  return {
    kind: 'rows',
    view: { name: 'labs' },
    search: {
      conditions: [{ field: 'patient', operator: 'eq', values: ['Patient/planted-42'] }],
      sort: [],
      limit: null,
      cursor: null,
    },
    deadline: Date.now() + 30_000,
    ...fields,
  };
}

export function rows(rowsJson: string): QueryResult {
  return { kind: 'rows', meta: META, rowsJson, columns: ['id'], next: null };
}

export function refreshed(view: string): RefreshResult {
  return {
    view,
    mode: 'full',
    why: 'as asked',
    changed: 1,
    generation: 1,
    rows: 1,
    resources: 1,
    quarantined: 0,
    seconds: 0.1,
    as_of: '2024-01-01T00:00:00Z',
    joined: 'no',
  };
}

/** Handlers of which a test replaces those it is about. */
export function worker(
  handlers: Partial<Omit<WorkerOptions, 'refresh'>> & { readonly refresh?: Partial<RefreshHandlers> } = {},
): WorkerOptions {
  return {
    query: async () => rows('[{"id":"1"}]'),
    onError: () => 'f-test',
    ...handlers,
    refresh: {
      refresh: async ({ view }) => refreshed(view),
      sweep: async () => ({ enqueued: [] }),
      'refresh-set': async () => ({ as_of: null, refreshed: [] }),
      shard: async ({ view, shard }) => ({ view, shard, built: true }),
      drop: async ({ view }) => ({ view, dropped: true }),
      ...handlers.refresh,
    },
  };
}

/** A promise that a test settles, and that work can wait for; it ends early, by throwing, when the signal is aborted. */
export function gate(): { readonly open: () => void; readonly pass: (signal: AbortSignal) => Promise<void> } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return {
    open,
    pass: (signal) =>
      new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('stopped')));
        void opened.then(resolve);
      }),
  };
}

/** Starts a worker process that holds whatever job it takes. */
export async function holdingWorker(
  options: QueueOptions,
): Promise<{ readonly taken: Promise<string>; readonly kill: () => Promise<void> }> {
  const script = fileURLToPath(new URL('holding-worker.mjs', import.meta.url));
  const child: ChildProcess = spawn(process.execPath, [script, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  const said = (text: RegExp): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = text.exec(output);
        if (found) resolve(found[1] ?? '');
      };
      child.stdout?.on('data', look);
      child.on('exit', () => reject(new Error('the worker process has ended')));
      look();
    });
  child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const taken = said(/taken (\S+)\n/);
  taken.catch(() => undefined);
  await said(/(ready)\n/);
  return {
    taken,
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

/** Runs open-and-close.mjs. @returns what it said; the promise settles when the process has ended by itself. */
export async function openAndClose(options: QueueOptions): Promise<{ readonly output: string; readonly code: number }> {
  const script = fileURLToPath(new URL('open-and-close.mjs', import.meta.url));
  const child = spawn(process.execPath, [script, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const [code] = (await once(child, 'exit')) as [number];
  return { output, code };
}

/** A way to a server that can be cut and mended. */
export async function cable(
  url: string,
): Promise<{ readonly url: string; readonly cut: () => void; readonly mend: () => void; readonly close: () => Promise<void> }> {
  const { port, hostname } = new URL(url);
  const sockets = new Set<Socket>();
  let whole = true;
  const server = createServer((near) => {
    if (!whole) return near.destroy();
    const far = connect(Number(port), hostname);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.pipe(other);
      one.on('error', () => undefined);
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  const cut = (): void => {
    whole = false;
    for (const socket of sockets) socket.destroy();
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const target = new URL(url);
  target.hostname = '127.0.0.1';
  target.port = String((server.address() as { port: number }).port);
  return {
    url: target.href,
    cut,
    mend: () => {
      whole = true;
    },
    close: async () => {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}

export type { QueueConnection, QueueOptions };
