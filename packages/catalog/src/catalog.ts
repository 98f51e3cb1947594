import { type ChangeListener, changes, type Subscription } from './changes.ts';
import { type Definitions, definitions } from './definitions.ts';
import { type Generations, generations } from './generations.ts';
import { type Health, health } from './health.ts';
import { type History, history } from './history.ts';
import { type Quarantine, quarantine } from './quarantine.ts';
import type { CatalogPlace } from './queryable.ts';
import { type Shards, shards } from './shards.ts';
import { type Statistics, statistics } from './statistics.ts';
import { type Views, views } from './views.ts';

/** Everything that is kept in the schema `sqlonfhir`, by what it is about. Made by `migrate` first. */
export interface Catalog extends Definitions, Views, History, Generations, Quarantine, Shards, Statistics, Health {
  /** Where the views and the catalog are. */
  readonly schema: string;
  /** Calls the listener whenever a view or definition changes, in any process. Close it. */
  changes(listener: ChangeListener): Subscription;
}

export function createCatalog(place: CatalogPlace): Catalog {
  return {
    schema: place.schema,
    ...definitions(place),
    ...views(place),
    ...history(place),
    ...generations(place),
    ...quarantine(place),
    ...shards(place),
    ...statistics(place),
    ...health(place),
    changes: (listener) => changes(place, listener),
  };
}
