/** How a refresh was done: every resource read; those whose keys differ; those that live capture noted. */
export type RefreshedBy = 'full' | 'delta' | 'live';

/** Metadata of a materialized view, as the catalog keeps it and the API shows it. Times are ISO instants. */
export interface ViewStatus {
  readonly name: string;
  readonly resource: string;
  readonly status: 'active' | 'stale' | 'refreshing' | 'failed';
  readonly is_stale: boolean;
  /** Hours since as_of; null if never built. */
  readonly staleness_hours: number | null;
  readonly last_refreshed_at: string | null;
  readonly as_of: string | null;
  readonly generation: number | null;
  /** Counts the refreshes that were published: with it, a state of the rows has a name. */
  readonly revision: number;
  readonly row_count: number | null;
  readonly size_bytes: number | null;
  readonly auto_refresh_enabled: boolean;
  readonly refresh_interval_hours: number;
  readonly query_count: number;
  readonly quarantined: number;
  readonly last_error: string | null;
  readonly indexes: readonly { readonly name: string; readonly columns: readonly string[] }[];
}

export interface RefreshRecord {
  readonly id: number;
  readonly view: string;
  readonly started_at: string;
  readonly ended_at: string | null;
  /** As far as it is known while it runs. */
  readonly mode: RefreshedBy;
  /** Why that way; null while it runs. */
  readonly why: string | null;
  /** Resources whose rows were made anew or taken away. */
  readonly changed: number | null;
  readonly reason: string;
  readonly outcome: 'running' | 'succeeded' | 'failed' | 'cancelled' | 'abandoned';
  readonly rows: number | null;
  readonly resources: number | null;
  readonly quarantined: number | null;
  readonly error: string | null;
}

/** A stored ViewDefinition. */
export interface StoredDefinition {
  readonly name: string;
  readonly version: number;
  readonly builtin: boolean;
  readonly title: string | null;
  readonly resource: string;
  readonly definition: Readonly<Record<string, unknown>>;
  readonly created_at: string;
  readonly updated_at: string;
}
