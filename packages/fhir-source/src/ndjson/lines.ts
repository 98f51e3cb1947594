import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';

/** Whole lines of a file, without their ends. */
export interface Lines {
  readonly lines: readonly string[];
  /** Number of the first line, from 1. */
  readonly first: number;
  /** Indexes of lines that were left empty here: too long, or not UTF-8. */
  readonly broken: readonly number[];
}

const CHUNK_BYTES = 256 * 1024;
/** A resource with large attachments; more is a fault. */
export const MAX_LINE_BYTES = 64 * 1024 * 1024;
const NEWLINE = 10;
const BYTE_ORDER_MARK = 0xfeff;

/**
 * Streams a text file, gzipped or not, whatever its name says. Memory holds a chunk and one line.
 * @throws errors of fs and zlib as they are.
 */
export async function* readLines(file: string, maxLineBytes = MAX_LINE_BYTES): AsyncGenerator<Lines, void, void> {
  const gzipped = await isGzip(file);
  const raw = createReadStream(file, { highWaterMark: CHUNK_BYTES });
  const bytes: AsyncIterable<Buffer> = gzipped ? pipeline(raw, createGunzip({ chunkSize: CHUNK_BYTES }), () => undefined) : raw;
  let rest: Buffer[] = [];
  let restBytes = 0;
  let overflown = false;
  let first = 1;
  const take = (block: Buffer): Lines => {
    const taken = split(block, first, overflown);
    first += taken.lines.length;
    overflown = false;
    return taken;
  };
  try {
    for await (const chunk of bytes) {
      const end = chunk.lastIndexOf(NEWLINE) + 1;
      if (end > 0) {
        const block = Buffer.concat([...rest, chunk.subarray(0, end - 1)]);
        rest = [];
        restBytes = 0;
        yield take(block);
      }
      restBytes += chunk.length - end;
      overflown ||= restBytes > maxLineBytes;
      // Of a line that is too long nothing is kept.
      if (overflown) rest = [];
      else if (end < chunk.length) rest.push(chunk.subarray(end));
    }
    if (rest.length > 0 || overflown) yield take(Buffer.concat(rest));
  } finally {
    raw.destroy();
  }
}

/** @param cut whether the beginning of the first line is missing. */
function split(block: Buffer, first: number, cut: boolean): Lines {
  const whole = isUtf8(block);
  const lines = whole ? block.toString('utf8').split('\n') : [...eachLine(block)];
  const broken = whole ? [] : lines.flatMap((line, index) => (line === null ? [index] : []));
  const texts = lines.map((line) => line ?? '');
  if (cut) {
    texts[0] = '';
    if (broken[0] !== 0) broken.unshift(0);
  }
  if (first === 1 && texts[0]?.charCodeAt(0) === BYTE_ORDER_MARK) texts[0] = texts[0].slice(1);
  return { lines: texts, first, broken };
}

/** Null for a line that is not UTF-8. */
function* eachLine(block: Buffer): Generator<string | null> {
  let start = 0;
  while (start <= block.length) {
    const found = block.indexOf(NEWLINE, start);
    const end = found === -1 ? block.length : found;
    const line = block.subarray(start, end);
    yield isUtf8(line) ? line.toString('utf8') : null;
    start = end + 1;
  }
}

async function isGzip(file: string): Promise<boolean> {
  const handle = await open(file);
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await handle.close();
  }
}
