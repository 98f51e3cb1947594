/** Bytes of a row of binary COPY with two bigints: count, length, value, length, value. */
const ROW = 2 + 4 + 8 + 4 + 8;
/** `PGCOPY\n\377\r\n\0`, flags, length of the extension. */
const HEADER = Buffer.from([0x50, 0x47, 0x43, 0x4f, 0x50, 0x59, 0x0a, 0xff, 0x0d, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
const TRAILER = Buffer.from([0xff, 0xff]);
const TWO_POW_32 = 0x1_0000_0000;

/** Which version of which resource was read, kept as the bytes of a `COPY … (FORMAT binary)` until they are sent. */
export interface VersionLog {
  /** Exact: decimal text beyond 2^53. */
  add(resId: number | string, resVer: number | string): void;
  isFull(): boolean;
  /** The whole stream of one COPY; empties the log. The bytes are valid until the next `add`. */
  take(): readonly Buffer[];
}

/** @param capacity resources; 26 bytes each. */
export function versionLog(capacity = 250_000): VersionLog {
  let buffer = Buffer.allocUnsafe(Math.min(capacity, 16_384) * ROW);
  let length = 0;
  return {
    add(resId, resVer) {
      if (length + ROW > buffer.length) {
        const larger = Buffer.allocUnsafe(buffer.length * 2);
        buffer.copy(larger, 0, 0, length);
        buffer = larger;
      }
      buffer.writeInt16BE(2, length);
      buffer.writeInt32BE(8, length + 2);
      writeBigint(buffer, resId, length + 6);
      buffer.writeInt32BE(8, length + 14);
      writeBigint(buffer, resVer, length + 18);
      length += ROW;
    },
    isFull: () => length >= capacity * ROW,
    take() {
      const taken = [HEADER, buffer.subarray(0, length), TRAILER];
      length = 0;
      return taken;
    },
  };
}

function writeBigint(buffer: Buffer, value: number | string, at: number): void {
  if (typeof value === 'string' || value < 0) {
    buffer.writeBigInt64BE(BigInt(value), at);
  } else {
    buffer.writeUInt32BE(Math.floor(value / TWO_POW_32), at);
    buffer.writeUInt32BE(value % TWO_POW_32, at + 4);
  }
}
