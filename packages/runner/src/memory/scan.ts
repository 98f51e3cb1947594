import { compilePrefilter, compileRows, type JsonObject, parseResource, type Row, type RowFunction } from '@viewmill/backend-js';
import { ViewmillError } from '@viewmill/contracts';
import type { TextSource } from '@viewmill/fhir-source';
import type { ViewPlan } from '@viewmill/views';
import type { Question } from '../run.ts';
import { compileFilter } from './filter.ts';
import { narrow } from './narrowing.ts';

export interface Scanned {
  /** ISO instant at which reading began. */
  readonly asOf: string;
  readonly resources: number;
  readonly broken: number;
}

/** @returns false to stop reading. The row is overwritten by the next one. */
export type OnRow = (row: Row, resource: number, ordinal: number) => boolean;

/** What setTimeout can hold. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** Row functions keep state only while they run, so queries that take turns can share one. */
const compiled = new WeakMap<ViewPlan, RowFunction>();

/**
 * Reads the source and calls back with each row that matches. A text that is no resource is reported, counted and skipped.
 * @throws ViewmillError VM2009 (a value of the search), VM3007 (deadline), VM1201 and VM1203 of the view; those of the source.
 */
export async function scan(
  source: TextSource,
  { view: { plan }, search, from, deadline }: Question,
  onBroken: (place: string) => void,
  onRow: OnRow,
): Promise<Scanned> {
  const filter = compileFilter(plan, search);
  const { source: narrowing, mayMatch } = narrow(plan, search);
  const mayHaveRows = compilePrefilter(plan) ?? (() => true);
  const rowsOf = compiled.get(plan) ?? compileRows(plan);
  compiled.set(plan, rowsOf);
  const asOf = new Date().toISOString();
  let [resources, broken, resource, ordinal] = [0, 0, 0, 0];
  let wanted = true;
  /** A page without an order goes on where the last one ended. */
  const first = search.sort.length === 0 && from !== null ? Number(from.resId) : 0;
  const report = (place: string): void => {
    broken += 1;
    onBroken(place);
  };
  const emit = (row: Row): void => {
    if (wanted && filter.row(row)) wanted = onRow(row, resource, ordinal);
    ordinal += 1;
  };
  await within(deadline, async (signal) => {
    for await (const batch of source.read({ resourceType: plan.resource, narrowing, signal, onBroken: report })) {
      for (let index = 0; index < batch.texts.length && wanted; index += 1) {
        const text = batch.texts[index] as string;
        // Also what is left out unread has its place in the order.
        resource += 1;
        ordinal = 0;
        if (resource < first || !mayMatch(text) || !mayHaveRows(text)) continue;
        const parsed = parse(text, plan);
        if (parsed === null || parsed.resourceType === undefined) report(batch.place(index));
        else if (parsed.resourceType === plan.resource && filter.resource(parsed)) {
          resources += 1;
          run(rowsOf, parsed, emit, () => batch.place(index));
        }
      }
      if (!wanted) break;
      if (deadline !== undefined && Date.now() > deadline) throw timedOut();
    }
  });
  return { asOf, resources, broken };
}

/** Null if it is none. The parser's messages quote the text, so none of them is passed on. */
function parse(text: string, { needs }: ViewPlan): JsonObject | null {
  try {
    return parseResource(text, { decimals: needs.decimals });
  } catch {
    return null;
  }
}

function run(rowsOf: RowFunction, resource: JsonObject, emit: (row: Row) => void, place: () => string): void {
  try {
    rowsOf(resource, emit);
  } catch (error) {
    // The stack's end, on a resource that is nested some thousand levels deep.
    if (error instanceof RangeError && error.message.includes('call stack'))
      throw new ViewmillError('VM1204', `a resource is nested too deeply (${place()})`);
    if (!(error instanceof ViewmillError)) throw error;
    throw new ViewmillError(error.code, `${error.message} (${place()})`, error.at === undefined ? {} : { at: error.at });
  }
}

/** @throws ViewmillError VM3007 when time is up. */
async function within(deadline: number | undefined, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const controller = new AbortController();
  if (deadline === undefined) return work(controller.signal);
  const left = deadline - Date.now();
  if (left <= 0) throw timedOut();
  const timer = setTimeout(() => controller.abort(timedOut()), Math.min(left, MAX_TIMEOUT_MS));
  try {
    return await work(controller.signal);
  } finally {
    clearTimeout(timer);
  }
}

function timedOut(): ViewmillError {
  return new ViewmillError('VM3007', 'the query took longer than its caller waits');
}
