import { compileToSql } from '@viewmill/backend-sql';
import { ident } from '@viewmill/contracts';
import {
  currentResources,
  type HapiLayout,
  type IndexCoverage,
  type IndexedElement,
  indexHolds,
  readIndexCoverage,
} from '@viewmill/fhir-source';
import type { ViewPlan } from '@viewmill/views';
import type { Pool } from 'pg';
import type { Sql } from 'sql-template-tag';
import sql from 'sql-template-tag';
import { readOnly } from './session.ts';

const RENEW_AFTER_MS = 5 * 60_000;
/** A proof parses the whole type. Renewed no sooner than after a hundred times as long, each column takes at most a hundredth of one session. */
const RENEW_FACTOR = 100;
/** A worker that stops waits for the session: two minutes are some six million resources, reckoned from 1.6 s for 88 674. */
const LONGEST_PROOF_MS = 2 * 60_000;
/** A query that nothing else narrows reads about as much as a proof does; past this it goes on without. */
const WAIT_MS = 2000;
/** Inline views bring columns of their own; the oldest answer goes. */
const MOST_KEPT = 500;

interface Entry {
  answer: Promise<IndexCoverage | null>;
  ready: boolean;
  renewAt: number;
}

/**
 * How well HAPI's search indexes cover a column. Found out once by a proof over the whole type, one after the other, and anew beside
 * the queries later: an old answer is still right, only less sharp.
 */
export function indexCoverages(
  source: Pool,
  layout: HapiLayout,
): (element: IndexedElement, plan: ViewPlan, wait: boolean) => Promise<IndexCoverage | null> {
  const known = new Map<string, Entry>();
  let last: Promise<unknown> = Promise.resolve();

  const prove = async (element: IndexedElement, plan: ViewPlan): Promise<IndexCoverage | null> => {
    if (!(await indexHolds(source, layout, element))) return null;
    const deadline = Date.now() + LONGEST_PROOF_MS;
    return readOnly(source, deadline, (client) => readIndexCoverage(client, layout, element, valuesOf(layout, plan)));
  };

  function read(entry: Entry, element: IndexedElement, plan: ViewPlan): Promise<IndexCoverage | null> {
    // Not while it runs; and a failure (a column that fails on some resource, no time, no database) counts as no help until then.
    entry.renewAt = Number.POSITIVE_INFINITY;
    const proof = last.then(async () => {
      const started = Date.now();
      try {
        return await prove(element, plan);
      } catch {
        return null;
      } finally {
        entry.renewAt = Date.now() + Math.max(RENEW_AFTER_MS, RENEW_FACTOR * (Date.now() - started));
        entry.ready = true;
      }
    });
    last = proof;
    return proof;
  }

  return (element, plan, wait) => {
    const key = keyOf(element, plan);
    let entry = known.get(key);
    if (entry === undefined) {
      const oldest = known.keys().next();
      if (known.size >= MOST_KEPT && oldest.done !== true) known.delete(oldest.value);
      entry = { answer: Promise.resolve(null), ready: false, renewAt: 0 };
      entry.answer = read(entry, element, plan);
      known.set(key, entry);
    } else if (entry.renewAt < Date.now()) {
      const kept = entry;
      const renewed = read(kept, element, plan);
      renewed.then(() => {
        kept.answer = renewed;
      });
    }
    if (entry.ready) return entry.answer;
    return wait ? atMost(WAIT_MS, entry.answer) : Promise.resolve(null);
  };
}

const keys = new WeakMap<ViewPlan, string>();

/** Equal for columns of several views that hold the same. */
function keyOf(element: IndexedElement, plan: ViewPlan): string {
  let key = keys.get(plan);
  if (key === undefined) {
    const parts = [element, plan.columns[0]?.cast, plan.columns[0]?.collection, plan.selects];
    // `at` and the names of columns are places in a ViewDefinition.
    key = JSON.stringify(parts, (name, value: unknown) => (name === 'at' ? undefined : value));
    keys.set(plan, key);
  }
  return key;
}

function atMost<T>(milliseconds: number, answer: Promise<T>): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), milliseconds);
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}

/** `res_id`, `value`: every value of a plan's one column, over the current resources. */
function valuesOf(layout: HapiLayout, plan: ViewPlan): Sql {
  const { rows } = compileToSql(plan, currentResources(layout, plan.resource, plan.needs));
  const [column] = plan.columns;
  const value = ident('v', column?.name ?? '');
  return column?.collection
    ? sql`select v.res_id, unnest(${value}) as value from (${rows}) v`
    : sql`select v.res_id, ${value} as value from (${rows}) v`;
}
