/** Bytes of a row of binary COPY with two bigints: count, length, value, length, value. */
export const VERSION_ROW_BYTES = 2 + 4 + 8 + 4 + 8;
const TWO_POW_32 = 0x1_0000_0000;

/** Which version of which resource was read, as rows of a `COPY … (FORMAT binary)`. */
export interface VersionRows {
  /** Exact: decimal text beyond 2^53. */
  add(resId: number | string, resVer: number | string): void;
  /** The rows since the last call; the caller's to keep. */
  take(): Uint8Array<ArrayBuffer>;
}

export function versionRows(): VersionRows {
  let buffer = Buffer.alloc(256 * VERSION_ROW_BYTES);
  let length = 0;
  return {
    add(resId, resVer) {
      if (length + VERSION_ROW_BYTES > buffer.length) {
        const larger = Buffer.alloc(buffer.length * 2);
        buffer.copy(larger, 0, 0, length);
        buffer = larger;
      }
      buffer.writeInt16BE(2, length);
      buffer.writeInt32BE(8, length + 2);
      writeBigint(buffer, resId, length + 6);
      buffer.writeInt32BE(8, length + 14);
      writeBigint(buffer, resVer, length + 18);
      length += VERSION_ROW_BYTES;
    },
    take() {
      const taken = new Uint8Array(buffer.subarray(0, length));
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
