import { type Row, rowToJsonText } from '@viewmill/backend-js';
import { ViewmillError } from '@viewmill/contracts';
import type { TextSource } from '@viewmill/fhir-source';
import type { Page } from '../page.ts';
import type { Answered, Question, StreamTo } from '../run.ts';
import type { StreamedRows } from '../stream-rows.ts';
import { type Order, orderOf, type Place } from './order.ts';
import { type OnRow, type Scanned, scan } from './scan.ts';
import { smallest } from './smallest.ts';

export interface MemoryEngine {
  page(question: Question): Promise<Answered<Page>>;
  count(question: Question): Promise<Answered<number>>;
  /** In one chunk, kept in memory as a page is. @throws ViewmillError VM2012 for CSV */
  stream(question: Question, request: StreamTo): Promise<Answered<StreamedRows>>;
}

interface KeptRow extends Place {
  readonly json: string;
  readonly texts: readonly (string | null)[];
}

/** Characters of one answer; JavaScript's texts end at twice as many. */
const MAX_CHARACTERS = 256 * 1024 * 1024;

/** Answers from the texts of the resources, row by row; kept is no more than the page. */
export function memoryEngine(source: TextSource, onBroken: (place: string) => void): MemoryEngine {
  async function collect(question: Question): Promise<Answered<Omit<Page, 'rowsJson'> & { readonly texts: readonly string[] }>> {
    const { view, search, limit } = question;
    const order = orderOf(view.plan, search);
    const from = startOf(question, order);
    // One row more than asked for says whether there is a next page.
    const collector = (search.sort.length === 0 ? inSourceOrder : inOrder)(question, order, limit + 1);
    const scanned =
      limit === 0
        ? { asOf: new Date().toISOString(), resources: 0, broken: 0 }
        : await scan(source, question, onBroken, (row, resource, ordinal) => {
            const place = order.place(row, resource, ordinal);
            return from !== null && order.compare(place, from) <= 0 ? true : collector.add(row, place);
          });
    const rows = collector.rows();
    const shown = rows.slice(0, limit);
    const last = rows.length > limit ? shown.at(-1) : undefined;
    return {
      answer: {
        texts: shown.map(({ json }) => json),
        rows: shown.length,
        end: last === undefined ? null : { keys: last.texts, resId: String(last.resource), ordinal: String(last.ordinal) },
      },
      meta: metaOf(scanned),
    };
  }

  async function page(question: Question): Promise<Answered<Page>> {
    const { answer, meta } = await collect(question);
    return { answer: { ...answer, rowsJson: `[${answer.texts.join(',')}]` }, meta };
  }

  async function stream(question: Question, { format, write }: StreamTo): Promise<Answered<StreamedRows>> {
    if (format === 'csv') throw new ViewmillError('VM2012', 'the runner memory gives json and ndjson', { at: '_format' });
    const { answer, meta } = await collect(question);
    const text = format === 'json' ? answer.texts.join(',') : answer.texts.map((json) => `${json}\n`).join('');
    if (text !== '') await write(meta, text);
    return { answer: { rows: answer.rows, end: answer.end }, meta };
  }

  async function count(question: Question): Promise<Answered<number>> {
    let rows = 0;
    const onRow: OnRow = () => {
      rows += 1;
      return true;
    };
    const scanned = await scan(source, question, onBroken, onRow);
    return { answer: rows, meta: metaOf(scanned) };
  }

  function metaOf({ asOf, resources, broken }: Scanned): Answered<unknown>['meta'] {
    const left = broken === 0 ? '' : `; ${broken} that could not be read ${broken === 1 ? 'was' : 'were'} left out`;
    const found = `${resources} ${resources === 1 ? 'resource' : 'resources'}`;
    const reason = `computed in memory from ${found} of ${source.description}${left}`;
    return { runner: 'memory', reason, as_of: asOf, is_stale: false };
  }

  return { page, count, stream };
}

interface Collector {
  /** @returns whether more is wanted. */
  add(row: Row, place: Place): boolean;
  rows(): readonly KeptRow[];
}

/** Without `_sort` the first rows are the page, and reading ends with it. */
function inSourceOrder({ view: { plan } }: Question, _order: Order, capacity: number): Collector {
  const kept: KeptRow[] = [];
  const size = sizeLimit();
  return {
    add(row, place) {
      const json = rowToJsonText(plan, row);
      size.add(json.length);
      kept.push({ ...place, json, texts: [] });
      return kept.length < capacity;
    },
    rows: () => kept,
  };
}

function inOrder({ view: { plan } }: Question, order: Order, capacity: number): Collector {
  const kept = smallest<Place>(capacity, order.compare);
  const size = sizeLimit();
  return {
    add(row, place) {
      if (!kept.wants(place)) return true;
      const item: KeptRow = { ...place, json: rowToJsonText(plan, row), texts: order.texts(row) };
      const gone = kept.add(item) as KeptRow | undefined;
      size.add(item.json.length - (gone?.json.length ?? 0));
      return true;
    },
    rows: () => kept.sorted() as KeptRow[],
  };
}

function sizeLimit(): { add(characters: number): void } {
  let total = 0;
  return {
    add(characters) {
      total += characters;
      if (total > MAX_CHARACTERS) throw new ViewmillError('VM2010', 'the answer is too large for one page');
    },
  };
}

function startOf({ from }: Question, order: Order): Place | null {
  if (from === null) return null;
  const place = order.fromCursor(from);
  if (place === null) throw new ViewmillError('VM2001', 'this is no cursor that was given out here', { at: 'cursor' });
  return place;
}
