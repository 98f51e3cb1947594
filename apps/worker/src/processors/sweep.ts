import type { JobResults, RefreshJobData } from '@viewmill/contracts';

export interface SweepDependencies {
  readonly catalog: {
    readonly listDefinitions: () => Promise<readonly { readonly name: string }[]>;
    readonly listViews: () => Promise<readonly { readonly name: string; readonly auto_refresh_enabled: boolean }[]>;
    readonly staleViews: () => Promise<readonly string[]>;
  };
  readonly enqueueRefresh: (data: RefreshJobData<'refresh'>) => Promise<{ jobId: string }>;
}

/**
 * Enqueues one refresh per view that the scope names; a view whose refresh is waiting already is not enqueued twice.
 * A scheduled sweep leaves out views whose automatic refresh is switched off.
 */
export async function sweep(
  data: RefreshJobData<'sweep'>,
  { catalog, enqueueRefresh }: SweepDependencies,
): Promise<JobResults['sweep']> {
  const reason = data.scope === 'create' ? 'create' : data.reason;
  const enqueued = [];
  for (const view of await viewsOf(data, catalog)) {
    const { jobId } = await enqueueRefresh({ view, reason, ...(data.mode === undefined ? {} : { mode: data.mode }) });
    enqueued.push({ view, job: jobId });
  }
  return { enqueued };
}

async function viewsOf(
  { scope, reason }: RefreshJobData<'sweep'>,
  catalog: SweepDependencies['catalog'],
): Promise<readonly string[]> {
  const views = await catalog.listViews();
  if (scope === 'create') {
    const materialized = new Set(views.map(({ name }) => name));
    return (await catalog.listDefinitions()).map(({ name }) => name).filter((name) => !materialized.has(name));
  }
  const automatic = views.filter((view) => reason !== 'schedule' || view.auto_refresh_enabled).map(({ name }) => name);
  if (scope === 'all') return automatic;
  const stale = new Set(await catalog.staleViews());
  return automatic.filter((name) => stale.has(name));
}
