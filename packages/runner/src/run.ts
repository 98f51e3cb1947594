import { type Freshness, type Search, ViewmillError } from '@viewmill/contracts';
import type { PoolClient } from 'pg';
import { decodeCursor, encodeCursor, type Position } from './cursor.ts';
import type { Page, PageRequest } from './page.ts';
import { type ResolvedSearch, resolveSearch } from './search-conditions.ts';
import { type StreamedRows, type StreamRequest, streamRows } from './stream-rows.ts';
import type { CallOptions, MaterializedView, RowsAnswer, RunMeta, RunnableView, StreamAnswer } from './view-runner.ts';

/** A question as a runner takes it: checked, with nothing left open. */
export interface Question {
  readonly view: RunnableView;
  readonly search: ResolvedSearch;
  readonly limit: number;
  readonly from: Position | null;
  readonly deadline: number | undefined;
  readonly freshness: Freshness;
  readonly signal: AbortSignal | undefined;
  /** A generation that was looked up already. */
  readonly found?: MaterializedView;
}

export type Answered<T> = { readonly answer: T; readonly meta: Omit<RunMeta, 'rows' | 'database_ms'> };

/** One way to answer. */
export interface Engine {
  readonly kind: 'materialized' | 'postgres';
  page(question: Question): Promise<Answered<Page>>;
  count(question: Question): Promise<Answered<number>>;
  /** Writes the rows as they are read; `write` is told beforehand what is known of them. */
  stream(question: Question, request: StreamTo): Promise<Answered<StreamedRows>>;
}

/** What an engine knows of an answer before its rows. */
export type EngineMeta = Answered<unknown>['meta'];

export interface StreamTo extends Pick<StreamRequest, 'format' | 'limit'> {
  readonly write: (meta: EngineMeta, text: string) => Promise<void>;
}

/** The work of an engine's `stream`, once there is a snapshot to read from. */
export function streamTo(question: Question, { format, limit, write }: StreamTo) {
  return (client: PoolClient, request: PageRequest, meta: EngineMeta): Promise<StreamedRows> =>
    streamRows(client, request, { format, limit, from: question.from, write: (text) => write(meta, text) });
}

/** @param scope of cursors. @throws ViewmillError VM2009, VM2001 as of resolveSearch and decodeCursor. */
export function askRows(
  view: RunnableView,
  search: Search,
  maxRows: number,
  limit: number | undefined,
  options: CallOptions,
  scope?: string,
): Question {
  const resolved = resolveSearch(view.plan, search);
  const smallest = Math.min(maxRows, limit ?? maxRows, search.limit ?? maxRows);
  if (!Number.isInteger(smallest) || smallest < 0)
    throw new ViewmillError('VM2001', 'the limit is no number of rows', { at: 'limit' });
  const from = search.cursor === null ? null : decodeCursor(view.plan, resolved, search.cursor, scope);
  const { deadline, signal, freshness = 'any' } = options;
  return { view, search: resolved, limit: smallest, from, deadline, signal, freshness };
}

export function askCount(view: RunnableView, search: Search, options: CallOptions): Question {
  return {
    view,
    search: { ...resolveSearch(view.plan, search), sort: [] },
    limit: 0,
    from: null,
    deadline: options.deadline,
    signal: options.signal,
    freshness: options.freshness ?? 'any',
  };
}

export function rowsAnswer(
  question: Question,
  { answer, meta }: Answered<Page>,
  milliseconds: number,
  scope?: string,
): RowsAnswer {
  return { rowsJson: answer.rowsJson, ...streamAnswer(question, { answer, meta }, milliseconds, scope) };
}

export function streamAnswer(
  { view, search }: Question,
  { answer, meta }: Answered<StreamedRows>,
  milliseconds: number,
  scope?: string,
): StreamAnswer {
  return {
    columns: view.plan.columns.map(({ name }) => name),
    next: answer.end === null ? null : encodeCursor(view.plan, search, answer.end, scope),
    meta: { ...meta, rows: answer.rows, database_ms: milliseconds },
  };
}
