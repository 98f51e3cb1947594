import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ClientBase } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import type { TableName } from './schema.ts';

/** Bytes of rows held before they are sent; twice this is in memory while one part is sent and the next is made. */
const PART_BYTES = 8 << 20;
const CHUNK_BYTES = 256 << 10;

/** Collects rows of several tables and sends them part by part, as a connection can run one COPY at a time. */
export interface TableWriter {
  /** One line in COPY's text format, without the line feed. */
  row(table: TableName, line: string): void;
  /** Lets a part that is on its way proceed, and sends the next one when enough has been collected. */
  breathe(): Promise<void>;
  /** Sends what is left and waits for all of it. */
  end(): Promise<void>;
}

/** Bytes as they will be sent: kept as strings, the rows cost a third of the whole load in garbage collection. */
interface Chunks {
  readonly full: Buffer[];
  open: Buffer;
  used: number;
}

/** @param client is in the transaction that created the tables, so that the rows can be written frozen. */
export function createTableWriter(client: ClientBase): TableWriter {
  let part = new Map<TableName, Chunks>();
  let bytes = 0;
  let sending: Promise<void> = Promise.resolve();

  const send = async (): Promise<void> => {
    await sending;
    sending = sendPart(client, part);
    // Whoever waits next gets the error; until then it must not count as unhandled.
    sending.catch(() => {});
    part = new Map();
    bytes = 0;
  };

  return {
    row(table, line) {
      let chunks = part.get(table);
      if (!chunks) {
        chunks = { full: [], open: Buffer.allocUnsafeSlow(CHUNK_BYTES), used: 0 };
        part.set(table, chunks);
      }
      const room = line.length * 3 + 1;
      if (chunks.used + room > chunks.open.length) {
        chunks.full.push(chunks.open.subarray(0, chunks.used));
        chunks.open = Buffer.allocUnsafeSlow(Math.max(CHUNK_BYTES, room));
        chunks.used = 0;
      }
      const size = chunks.open.write(line, chunks.used, 'utf8');
      chunks.open[chunks.used + size] = 0x0a;
      chunks.used += size + 1;
      bytes += size + 1;
    },
    async breathe() {
      if (bytes >= PART_BYTES) await send();
      await new Promise((resolve) => setImmediate(resolve));
    },
    async end() {
      await send();
      await sending;
    },
  };
}

async function sendPart(client: ClientBase, part: ReadonlyMap<TableName, Chunks>): Promise<void> {
  for (const [table, { full, open, used }] of part) {
    await pipeline(
      Readable.from([...full, open.subarray(0, used)]),
      client.query(copyFrom(`COPY ${table} FROM STDIN WITH (FREEZE)`)),
    );
  }
}

/** A value of JSON text or a name as COPY's text format wants it. */
export function copyText(text: string): string {
  return /[\\\n\t]/.test(text) ? text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\t', '\\t') : text;
}
