import { isAscii } from 'node:buffer';

/** Fields of a row while it is read; offsets into `bytes`, length -1 for null. The same object is used for every row. */
export interface RowFields {
  bytes: Buffer;
  /** Every byte of `bytes` is ASCII: strings may be sliced without decoding UTF-8, which is three times as fast. */
  ascii: boolean;
  readonly offsets: Int32Array;
  readonly lengths: Int32Array;
}

const SIGNATURE_LENGTH = 11;
const HEADER_LENGTH = SIGNATURE_LENGTH + 8;

/**
 * Parses `COPY … TO STDOUT (FORMAT binary)` from chunks that may end anywhere. A row that is spread over chunks is put
 * together once all its bytes are there, so a row of any size is copied a bounded number of times.
 * @see https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format"
 */
export function copyRowParser(
  fieldCount: number,
  header: 'header' | 'rows only' = 'header',
): (chunk: Buffer, onRow: (row: RowFields) => void) => void {
  const row: RowFields = {
    bytes: Buffer.alloc(0),
    ascii: true,
    offsets: new Int32Array(fieldCount),
    lengths: new Int32Array(fieldCount),
  };
  let pending: Buffer[] = [];
  let pendingLength = 0;
  let headerRead = header === 'rows only';
  let wanted = headerRead ? 2 : HEADER_LENGTH;

  /** The offset behind the row that begins at `start`; or, negative, how many bytes from `start` are needed at least. */
  function measure(bytes: Buffer, start: number): number {
    const end = bytes.length;
    let at = start + 2;
    if (at > end) return -2;
    for (let field = 0; field < fieldCount; field++) {
      if (at + 4 > end) return start - (at + 4);
      const length = bytes.readInt32BE(at);
      at += 4;
      row.offsets[field] = at;
      row.lengths[field] = length;
      if (length > 0) at += length;
      if (at > end) return start - at;
    }
    return at;
  }

  return (chunk, onRow) => {
    pending.push(chunk);
    pendingLength += chunk.length;
    if (pendingLength < wanted) return;
    const bytes = pending.length === 1 ? chunk : Buffer.concat(pending, pendingLength);
    let at = 0;
    wanted = 2;
    if (!headerRead) {
      headerRead = true;
      at = HEADER_LENGTH + bytes.readInt32BE(SIGNATURE_LENGTH + 4);
    }
    row.bytes = bytes;
    row.ascii = isAscii(bytes);
    while (at < bytes.length) {
      // The field count of the trailer is -1.
      if (at + 2 <= bytes.length && bytes.readInt16BE(at) === -1) {
        at = bytes.length;
        break;
      }
      const next = measure(bytes, at);
      if (next < 0) {
        wanted = -next;
        break;
      }
      onRow(row);
      at = next;
    }
    pending = at < bytes.length ? [bytes.subarray(at)] : [];
    pendingLength = bytes.length - at;
  };
}

/** Cuts the same stream between rows into blocks, each with memory of its own, for others to parse. */
export interface CopyBlocks {
  /** @returns whole rows, about `blockBytes` of them, once so many have come. */
  add(chunk: Buffer): Uint8Array<ArrayBuffer> | null;
  /** What is left; empty if nothing is. */
  end(): Uint8Array<ArrayBuffer>;
}

export function copyBlocks(fieldCount: number, blockBytes: number): CopyBlocks {
  let pieces: Buffer[] = [];
  let length = 0;
  let headerRead = false;
  /** A row that is longer than a block is looked at again only when there is twice as much of it. */
  let wanted = blockBytes;

  /** One copy of everything that has come, cut behind the last whole row; the beginning of the next row is kept. */
  function cut(): Uint8Array<ArrayBuffer> {
    const whole = new Uint8Array(length);
    let at = 0;
    for (const piece of pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    const bytes = Buffer.from(whole.buffer);
    const start = headerRead ? 0 : HEADER_LENGTH + bytes.readInt32BE(SIGNATURE_LENGTH + 4);
    const end = endOfRows(bytes, start, fieldCount);
    if (end === start) {
      pieces = [bytes];
      wanted = length * 2;
      return new Uint8Array(0);
    }
    headerRead = true;
    pieces = end < length ? [Buffer.from(bytes.subarray(end))] : [];
    length -= end;
    wanted = blockBytes;
    return whole.subarray(start, end);
  }

  return {
    add(chunk) {
      pieces.push(chunk);
      length += chunk.length;
      if (length < wanted) return null;
      const rows = cut();
      return rows.length === 0 ? null : rows;
    },
    end: () => (length < HEADER_LENGTH && !headerRead ? new Uint8Array(0) : cut()),
  };
}

/** The offset behind the last whole row. */
function endOfRows(bytes: Buffer, start: number, fieldCount: number): number {
  const { length } = bytes;
  let end = start;
  for (;;) {
    let at = end + 2;
    // The field count of the trailer is -1.
    if (at > length || bytes.readInt16BE(end) === -1) return end;
    for (let field = 0; field < fieldCount; field += 1) {
      if (at + 4 > length) return end;
      const size = bytes.readInt32BE(at);
      at += 4 + Math.max(size, 0);
    }
    if (at > length) return end;
    end = at;
  }
}

/** A field as text; null for SQL null. */
export function textField(row: RowFields, field: number): string | null {
  const length = row.lengths[field] ?? -1;
  if (length < 0) return null;
  const start = row.offsets[field] ?? 0;
  return row.bytes.toString(row.ascii ? 'latin1' : 'utf8', start, start + length);
}

/** A bytea field, a view into the chunk; null for SQL null. */
export function bytesField(row: RowFields, field: number): Buffer | null {
  const length = row.lengths[field] ?? -1;
  if (length < 0) return null;
  const start = row.offsets[field] ?? 0;
  return row.bytes.subarray(start, start + length);
}

/** A bigint field that is not null: a number where that is exact, else decimal text. */
export function bigintField(row: RowFields, field: number): number | string {
  const start = row.offsets[field] ?? 0;
  const value = row.bytes.readInt32BE(start) * 0x1_0000_0000 + row.bytes.readUInt32BE(start + 4);
  return Number.isSafeInteger(value) ? value : row.bytes.readBigInt64BE(start).toString();
}
