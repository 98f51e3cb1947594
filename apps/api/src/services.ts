import type { Catalog } from '@viewmill/catalog';
import type { QueryJob, QueryResult, RefreshJobData, RefreshJobName, Settings } from '@viewmill/contracts';
import type { Logger } from '@viewmill/observability';
import type { JobStatus, QueueConnection, RowStream } from '@viewmill/queue';

/** Who waits for an answer. */
export interface Caller {
  /** Aborted when it is gone. */
  readonly signal: AbortSignal;
  /** Callers of the same client take turns with those of others. */
  readonly client: string;
}

/**
 * What the API asks of the rest of the system. All of it is enqueueing and reading of status: nothing here compiles or runs a view,
 * and this interface is the reason why the API cannot.
 */
export interface ApiServices {
  readonly settings: Settings;
  readonly log: Logger;
  readonly query: (job: Omit<QueryJob, 'deadline'>, caller: Caller) => Promise<QueryResult>;
  readonly stream: (job: Omit<QueryJob, 'deadline'>, caller: Caller) => Promise<RowStream>;
  readonly enqueue: <N extends RefreshJobName>(
    name: N,
    data: RefreshJobData<N>,
  ) => Promise<{ jobId: string; deduplicated: boolean }>;
  readonly jobs: {
    readonly get: (id: string) => Promise<JobStatus | null>;
    /** Waits until the job has finished, at most so many milliseconds; the job as it is then. */
    readonly wait: (id: string, milliseconds: number) => Promise<JobStatus | null>;
    readonly cancel: (id: string) => Promise<boolean>;
    readonly list: () => Promise<readonly JobStatus[]>;
    readonly counts: QueueConnection['counts'];
  };
  /** The read side. */
  readonly catalog: Pick<
    Catalog,
    'listDefinitions' | 'getDefinition' | 'listViews' | 'viewStatus' | 'history' | 'runnerStats' | 'health'
  >;
}
