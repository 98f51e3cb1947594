import { once } from 'node:events';
import { finished } from 'node:stream/promises';
import type { ClientBase } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { TABLES, type TableName } from './schema.ts';

/** Characters of rows held before they are sent; twice this is in memory while one part is sent and the next is made. */
const PART_CHARACTERS = 8 << 20;

/** Collects rows of several tables and sends them part by part, as a connection can run one COPY at a time. */
export interface TableWriter {
  /** One line in COPY's text format, without the line feed. */
  row(table: TableName, line: string): void;
  /** Lets a part that is on its way proceed, and sends the next one when enough has been collected. */
  breathe(): Promise<void>;
  /** Sends what is left and waits for all of it. */
  end(): Promise<void>;
}

/** @param client is in the transaction that created the tables, so that the rows can be written frozen. */
export function createTableWriter(client: ClientBase): TableWriter {
  let lines = emptyPart();
  let characters = 0;
  let sending: Promise<void> = Promise.resolve();

  const send = async (): Promise<void> => {
    await sending;
    const part = lines;
    lines = emptyPart();
    characters = 0;
    sending = sendPart(client, part);
    // Whoever waits next gets the error; until then it must not count as unhandled.
    sending.catch(() => {});
  };

  return {
    row(table, line) {
      lines[table].push(line);
      characters += line.length;
    },
    async breathe() {
      if (characters >= PART_CHARACTERS) await send();
      await new Promise((resolve) => setImmediate(resolve));
    },
    async end() {
      await send();
      await sending;
    },
  };
}

function emptyPart(): Record<TableName, string[]> {
  return Object.fromEntries(TABLES.map((table) => [table, []])) as unknown as Record<TableName, string[]>;
}

async function sendPart(client: ClientBase, part: Record<TableName, string[]>): Promise<void> {
  for (const table of TABLES) {
    const lines = part[table];
    if (lines.length === 0) continue;
    const stream = client.query(copyFrom(`COPY ${table} FROM STDIN WITH (FREEZE)`));
    const done = finished(stream);
    done.catch(() => {});
    for (let start = 0; start < lines.length && !stream.destroyed; start += 500) {
      const more = stream.write(`${lines.slice(start, start + 500).join('\n')}\n`);
      if (!more) await Promise.race([once(stream, 'drain'), done]);
    }
    stream.end();
    await done;
    lines.length = 0;
  }
}

/** A value of JSON text or a name as COPY's text format wants it. */
export function copyText(text: string): string {
  return text.includes('\\') || text.includes('\n') || text.includes('\t')
    ? text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\t', '\\t')
    : text;
}
