import type { JobResults, Settings, ViewStatus } from '@viewmill/contracts';
import { createLogger, type Logger } from '@viewmill/observability';
import { openDatabases, prepareCatalog, textSourceOf } from '@viewmill/worker';
import { banner } from '../banner.ts';
import { superviseChild } from '../children.ts';
import { freePortOr } from '../free-port-or.ts';
import { type LocalServices, startLocalServices } from '../local-services.ts';
import { runUntilSignal } from '../run-until-signal.ts';

const READY_MS = 55_000;
const POLL_MS = 100;

/** `viewmill start`: services, catalog, worker, API, views; then a banner, and everything stops at Ctrl-C. */
export async function runStart(given: Settings): Promise<void> {
  const startedAt = performance.now();
  const log = createLogger({ name: 'start', level: given.LOG_LEVEL === 'info' ? 'warn' : given.LOG_LEVEL });
  const children: { stop: () => Promise<void> }[] = [];
  let services: LocalServices | undefined;
  let failure: unknown;
  // Before anything is started: the worker would be restarted for ever with settings that cannot work.
  textSourceOf(given);
  const up = (async () => {
    services = await startLocalServices(given, log);
    const settings = { ...services.settings, PORT: await freePortOr(given.PORT, given.HOST) };
    await migrateOnce(settings, log);
    const env = environmentOf(settings);
    children.push(superviseChild('worker', env, log), superviseChild('api', env, log));
    process.stdout.write(await firstViews(settings, services, startedAt));
  })().catch((error: unknown) => {
    failure = error;
    process.kill(process.pid, 'SIGTERM');
  });
  await runUntilSignal(async () => {
    await Promise.all(children.map((child) => child.stop()));
    await Promise.race([up, new Promise((resolve) => setTimeout(resolve, 1000).unref())]);
    await services?.stop();
  });
  if (failure !== undefined) throw failure;
}

/** Before the processes start, so that neither finds half a catalog. */
async function migrateOnce(settings: Settings, log: Logger): Promise<void> {
  const databases = openDatabases(settings, log);
  try {
    await prepareCatalog(databases.target, settings, log);
  } finally {
    await databases.close();
  }
}

/** The children get every setting by environment, as they would anywhere else. */
function environmentOf(settings: Settings): NodeJS.ProcessEnv {
  const named = Object.entries(settings).filter(([, value]) => value !== undefined);
  return {
    ...process.env,
    ...Object.fromEntries(named.map(([name, value]) => [name, String(value)])),
    // The banner is for people; the children's routine lines would bury it.
    LOG_LEVEL: settings.LOG_LEVEL === 'info' ? 'warn' : settings.LOG_LEVEL,
  };
}

async function firstViews(settings: Settings, services: LocalServices, startedAt: number): Promise<string> {
  const url = `http://${settings.HOST}:${settings.PORT}`;
  await poll(async () => (await fetch(`${url}/health/ready`)).ok);
  const inMemory = settings.VIEWDEF_RUNNER === 'memory';
  const { result } = inMemory
    ? { result: undefined }
    : await post<{ result: JobResults['sweep'] }>(`${url}/analytics/materialized-views/create-all?wait=30s`);
  for (const { job } of result?.enqueued ?? []) await get(`${url}/analytics/jobs/${job}?wait=60s`);
  const { views } = await get<{ views: ViewStatus[] }>(`${url}/analytics/materialized-views`);
  return banner({
    url,
    database: services.database,
    source: inMemory ? (settings.FHIR_BASE_URL ?? settings.FHIR_NDJSON_DIR ?? null) : null,
    queue: services.queue,
    dataDir: services.dataDir,
    views: views.length,
    failed: views.filter(({ status }) => status === 'failed').map(({ name }) => name),
    patient: await somePatient(url),
    seconds: (performance.now() - startedAt) / 1000,
  });
}

/** One patient with laboratory results, for the line that works as pasted. */
async function somePatient(url: string): Promise<string | null> {
  const answer = await get<{ rows?: { patient_id: string | null }[] }>(
    `${url}/analytics/view-definitions/observation_labs/execute?_count=1`,
  );
  return answer.rows?.[0]?.patient_id ?? null;
}

async function poll(works: () => Promise<boolean>): Promise<void> {
  const until = Date.now() + READY_MS;
  while (!(await works().catch(() => false))) {
    if (Date.now() > until) throw new Error('the API did not become ready; see the log lines above');
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function get<T>(url: string): Promise<T> {
  return (await (await fetch(url)).json()) as T;
}

async function post<T>(url: string): Promise<T> {
  return (await (await fetch(url, { method: 'POST' })).json()) as T;
}
