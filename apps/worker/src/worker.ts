import { type Catalog, createCatalog, migrate } from '@viewmill/catalog';
import type { Settings } from '@viewmill/contracts';
import { detectHapi, type HapiLayout, type TextSource } from '@viewmill/fhir-source';
import { type Logger, logFault } from '@viewmill/observability';
import { connectQueue, type QueueConnection, queueOptionsOf } from '@viewmill/queue';
import { createRunner, type ViewRunner } from '@viewmill/runner';
import { builtInViews, compileView } from '@viewmill/views';
import { checkReplicas, type Databases, openDatabases } from './databases.ts';
import { followLive } from './follow-live.ts';
import { memoryRunner, textSourceOf } from './memory.ts';
import { sizePools } from './pool-sizes.ts';
import { query } from './processors/query.ts';
import { refreshHandlers } from './refresh-handlers.ts';
import { untilAvailable } from './retry.ts';
import { schedulesOf } from './schedules.ts';
import { createStatistics } from './statistics.ts';
import { createViewCompiler } from './views.ts';

const DRAIN_MS = 30_000;

export interface RunningWorker {
  /** Finishes what is running (at most 30 s), then disconnects. */
  readonly close: () => Promise<void>;
}

export interface WorkerOptions {
  readonly settings: Settings;
  readonly log: Logger;
  /** Ends the waiting for services that are not there yet. */
  readonly signal?: AbortSignal;
}

/** The composition root: connects the parts, registers the processors and the schedules. */
export async function startWorker({
  settings,
  log,
  signal = new AbortController().signal,
}: WorkerOptions): Promise<RunningWorker> {
  const texts = textSourceOf(settings);
  const databases = openDatabases(settings, log);
  const { catalog, layout } = await prepare(databases, settings, log, signal);
  await checkReplicas(databases, log);
  const queue = await untilAvailable(
    () => connectQueue(queueOptionsOf(settings, (error) => logFault(log, error))),
    waiting(log, 'queue'),
    signal,
  );
  log.info({ queue: queue.backend }, 'queue connected');
  const stop = await work({ settings, log, databases, catalog, layout, texts, queue });
  return {
    close: async () => {
      await stop();
      await queue.close();
      await databases.close();
    },
  };
}

interface Parts {
  readonly settings: Settings;
  readonly log: Logger;
  readonly databases: Databases;
  readonly catalog: Catalog;
  /** Null: the runner `memory`, which knows no HAPI tables. */
  readonly layout: HapiLayout | null;
  readonly texts: TextSource | null;
  readonly queue: QueueConnection;
}

/** Catalog migrated, built-in views stored, HAPI's schema understood. */
async function prepare(
  databases: Databases,
  settings: Settings,
  log: Logger,
  signal: AbortSignal,
): Promise<{ catalog: Catalog; layout: HapiLayout | null }> {
  const { source, target } = databases;
  const schema = settings.SQLONFHIR_SCHEMA;
  await untilAvailable(() => prepareCatalog(target, settings, log), waiting(log, 'database'), signal);
  await untilAvailable(() => sizePools(databases, settings, log), waiting(log, 'database'), signal);
  if (settings.VIEWDEF_RUNNER === 'memory') return { catalog: createCatalog({ pool: target, schema }), layout: null };
  const layout = await untilAvailable(
    () => detectHapi(source, { schema: settings.FHIR_SCHEMA, timeZone: settings.FHIR_TIME_ZONE }),
    waiting(log, 'FHIR tables'),
    signal,
  );
  for (const notice of layout.notices) log.info({ notice }, 'FHIR database');
  return { catalog: createCatalog({ pool: target, schema }), layout };
}

/** Creates or upgrades schema sqlonfhir and stores the built-in views. Several processes may do it at once. */
export async function prepareCatalog(target: Databases['target'], settings: Settings, log: Logger): Promise<void> {
  const { notices } = await migrate(target, { schema: settings.SQLONFHIR_SCHEMA, readerRole: settings.READER_ROLE });
  for (const notice of notices) log.warn({ notice }, 'catalog');
  const catalog = createCatalog({ pool: target, schema: settings.SQLONFHIR_SCHEMA });
  await catalog.installBuiltIns(
    builtInViews().map(({ name, definition }) => {
      const { resource, title } = compileView(definition);
      return { name, definition, resource, title };
    }),
  );
}

function runnerOf({ settings, log, databases, catalog, layout, texts }: Parts): ViewRunner {
  const { VIEWDEF_RUNNER: kind, MAX_ROWS: maxRows } = settings;
  if (texts !== null) return memoryRunner(texts, settings, log);
  if (kind === 'memory' || layout === null) throw new RangeError('no source of resources');
  return createRunner({ kind, ...databases.queries, replicas: databases.replicas, layout, catalog, maxRows });
}

async function work(parts: Parts): Promise<() => Promise<void>> {
  const { settings, log, databases, catalog, layout, queue } = parts;
  const { source, target } = databases;
  const views = createViewCompiler((name) => catalog.getDefinition(name));
  const runner = runnerOf(parts);
  // A view or definition changed, in whatever process: what is remembered of it is old. Null: notifications were missed.
  const subscription = catalog.changes((view) => {
    views.forget(view ?? undefined);
    runner.invalidate(view ?? undefined);
  });
  await subscription.ready;
  const onCountLost = (error: Error): void =>
    log.warn({ code: (error as { code?: string }).code }, 'query statistics not written');
  const statistics = createStatistics(
    () => runner.stats(),
    (deltas) => catalog.recordQueries(deltas),
    onCountLost,
  );
  const workers = await queue.startWorkers({
    query: (job, context) => query(job, context, { views, runner, catalog, statistics }),
    refresh: refreshHandlers({
      ...{ settings, source, target, catalog, layout, views },
      enqueue: queue.refreshes.enqueue,
      workers: async () => (await queue.counts()).refreshes.workers,
    }),
    queryConcurrency: {
      interactive: settings.WORKER_CONCURRENCY,
      heavy: settings.HEAVY_CONCURRENCY,
      exports: settings.EXPORT_CONCURRENCY,
    },
    refreshConcurrency: settings.REFRESH_CONCURRENCY,
    onError: (error) => logFault(log, error),
  });
  await queue.schedules.apply(layout === null ? [] : schedulesOf(settings));
  const gatherMs = settings.LIVE_REFRESH_SECONDS * 1000;
  const onError = (error: unknown): void => void logFault(log, error);
  const enqueueRefresh = (view: string) => queue.refreshes.enqueue('refresh', { view, reason: 'change' });
  const following =
    gatherMs === 0 || layout === null ? null : followLive({ source, catalog, layout, gatherMs, enqueueRefresh, onError });
  log.info({ runner: settings.VIEWDEF_RUNNER }, 'worker ready');
  return async () => {
    await following?.close();
    await workers.close({ timeoutMs: DRAIN_MS });
    await statistics.close();
    await subscription.close();
  };
}

function waiting(log: Logger, what: string): (error: Error, delayMs: number) => void {
  return (error, delayMs) =>
    log.warn({ code: (error as { code?: string }).code, delayMs: Math.round(delayMs) }, `waiting for the ${what}`);
}
