import { decodeSqlError } from '@viewmill/backend-sql';
import { type RowFormat, ViewmillError } from '@viewmill/contracts';
import type { PoolClient } from 'pg';
import type { Sql } from 'sql-template-tag';
import sql, { join, raw } from 'sql-template-tag';
import { csvHeader, csvLine } from './csv.ts';
import { after, orderBy, type Position } from './cursor.ts';
import { type PageRequest, position, selected, where } from './page.ts';
import { columnOf } from './search-conditions.ts';

/** Rows on their way to a reader. */
export interface StreamRequest {
  readonly format: RowFormat;
  /** Rows at most; null: all. */
  readonly limit: number | null;
  readonly from: Position | null;
  /** Takes a chunk; more is read when it has done so. */
  readonly write: (text: string) => Promise<void>;
}

export interface StreamedRows {
  readonly rows: number;
  /** Of the last row, if there are more behind it. */
  readonly end: Position | null;
}

/** Rows of the first fetch: most answers are not longer, and one fetch is all they take. */
const FIRST_FETCH = 200;
const MAX_FETCH = 5000;
/** Characters of a chunk, more or less. */
const CHUNK = 65_536;

const SEPARATORS: Readonly<Record<RowFormat, string>> = { json: ',', ndjson: '\n', csv: '\r\n' };

/**
 * Reads rows through a cursor and passes them on as the text PostgreSQL wrote. Nothing is held but one chunk.
 * @throws ViewmillError VM3030 for whatever goes wrong when a part has been passed on already: nobody may begin anew then.
 */
export async function streamRows(client: PoolClient, request: PageRequest, stream: StreamRequest): Promise<StreamedRows> {
  let passedOn = false;
  try {
    return await read(client, request, {
      ...stream,
      write: (text) => {
        passedOn = true;
        return stream.write(text);
      },
    });
  } catch (error) {
    if (!passedOn || error instanceof ViewmillError) throw error;
    throw decodeSqlError(error) ?? new ViewmillError('VM3030', 'the rows broke off', { cause: error });
  }
}

async function read(
  client: PoolClient,
  request: PageRequest,
  { format, limit, from, write }: StreamRequest,
): Promise<StreamedRows> {
  const separator = SEPARATORS[format];
  const isJson = format === 'json';
  // Text of lines: each has an end. Of JSON: whoever puts the array together puts the commas between chunks.
  const textOf = (lines: readonly string[]): string => lines.join(separator) + (isJson ? '' : separator);
  let header = format === 'csv' ? [csvHeader(request.plan.columns.map(({ name }) => name))] : [];
  const most = limit ?? Number.POSITIVE_INFINITY;
  let rows = 0;
  let end: Position | null = null;
  let count = FIRST_FETCH;
  // Sent together on a pipelined connection. A cursor is planned for its first rows unless told that all will be read.
  const opening = [
    client.query('set local cursor_tuple_fraction = 1'),
    client.query(sql`declare viewmill_rows no scroll cursor for ${selection(request, format, limit, from)}`),
  ];
  for (let isLast = false; !isLast; ) {
    const fetching = client.query<[string, (string | null)[] | null]>({
      text: `fetch ${count} from viewmill_rows`,
      rowMode: 'array',
    });
    const answer = (await Promise.all([...opening.splice(0), fetching])).at(-1) as Awaited<typeof fetching>;
    isLast = answer.rows.length < count;
    const wanted = answer.rows.length > most - rows ? answer.rows.slice(0, most - rows) : answer.rows;
    if (wanted.length < answer.rows.length) {
      isLast = true;
      const keys = wanted.at(-1)?.[1] ?? null;
      end = keys === null ? null : position(keys);
    } else if (rows + wanted.length === most && !isLast) {
      end = await endOf(client, wanted.at(-1)?.[1] ?? null);
      isLast = true;
    }
    rows += wanted.length;
    const lines = [...header, ...wanted.map(([body]) => body)];
    header = [];
    if (lines.length === 0) break;
    const text = textOf(lines);
    await write(text);
    count = Math.max(1, Math.min(MAX_FETCH, Math.ceil((CHUNK * lines.length) / text.length)));
  }
  return { rows, end };
}

/** The limit was met at the end of a fetch: is there one row more? */
async function endOf(client: PoolClient, keys: (string | null)[] | null): Promise<Position | null> {
  const { rows } = await client.query('fetch 1 from viewmill_rows');
  return rows.length === 0 || keys === null ? null : position(keys);
}

/** Rows of a text, and of the keys of the last row that is wanted. All of a view is not put in order unless that is asked for. */
function selection(request: PageRequest, format: RowFormat, limit: number | null, from: Position | null): Sql {
  const { plan, search } = request;
  const columns = plan.columns.map(columnOf);
  const json = columns.length === 0 ? sql`'{}'` : sql`row_to_json((select x from (select ${join(columns)}) x))::text`;
  const body = format === 'csv' ? csvLine(plan.columns) : json;
  const conditions = from === null ? where(request) : where(request, after(search, from));
  const order = limit === null && search.sort.length === 0 ? raw('') : sql`order by ${orderBy(search)}`;
  const rows = selected(request, conditions);
  if (limit === null) return sql`select ${body}, null from ${rows} q ${order}`;
  const keys = [...search.sort.map(({ column }) => sql`${columnOf(column)}::text`), sql`q.res_id::text`, sql`q.ordinal::text`];
  return sql`select ${body}, case when row_number() over () = ${limit}::bigint then array[${join(keys)}] end
    from (select * from ${rows} q ${order} limit ${limit + 1}::bigint) q`;
}
