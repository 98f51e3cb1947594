import type { Catalog } from '@viewmill/catalog';
import type { RefreshMode, RefreshProgress, RefreshResult } from '@viewmill/contracts';
import type { HapiLayout } from '@viewmill/fhir-source';
import type { ViewPlan } from '@viewmill/views';
import type { Pool } from 'pg';
import type { PoolOptions } from './encode-pool.ts';

/** Where things are. */
export interface Place {
  /** The FHIR database; one connection is taken while resources are read. */
  readonly source: Pool;
  /** The database of the catalog and the views; may be the same pool. One connection is taken, a second one for a moment to cancel. */
  readonly target: Pool;
  readonly catalog: Catalog;
  readonly layout: HapiLayout;
  /** Role that may SELECT the published view; empty or missing: nobody. */
  readonly readerRole?: string | undefined;
}

export interface RefreshOptions extends Place {
  readonly name: string;
  readonly plan: ViewPlan;
  /** For the history. */
  readonly reason: string;
  /** Default `auto`. */
  readonly mode?: RefreshMode | undefined;
  readonly signal?: AbortSignal | undefined;
  /** How many threads encode; for tests and measurements. */
  readonly encoding?: PoolOptions | undefined;
  readonly onProgress?: ((progress: RefreshProgress) => void) | undefined;
}

export interface DropOptions extends Pick<Place, 'target' | 'catalog'> {
  readonly name: string;
  readonly signal?: AbortSignal | undefined;
}

/** What both ways of refreshing tell. */
export type Refreshed = Pick<
  RefreshResult,
  'mode' | 'why' | 'generation' | 'changed' | 'rows' | 'resources' | 'quarantined' | 'as_of'
>;
