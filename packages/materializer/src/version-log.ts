import { VERSION_ROW_BYTES } from './version-rows.ts';

/** `PGCOPY\n\377\r\n\0`, flags, length of the extension. */
const HEADER = Buffer.from([0x50, 0x47, 0x43, 0x4f, 0x50, 0x59, 0x0a, 0xff, 0x0d, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
const TRAILER = Buffer.from([0xff, 0xff]);

/** Rows of version-rows.ts, kept until they are sent: a connection has one COPY at a time. */
export interface VersionLog {
  add(rows: Uint8Array): void;
  isFull(): boolean;
  /** The whole stream of one COPY; empties the log. */
  take(): readonly Uint8Array[];
}

/** @param capacity resources; 26 bytes each. */
export function versionLog(capacity = 250_000): VersionLog {
  let kept: Uint8Array[] = [];
  let bytes = 0;
  return {
    add(rows) {
      kept.push(rows);
      bytes += rows.length;
    },
    isFull: () => bytes >= capacity * VERSION_ROW_BYTES,
    take() {
      const taken = [HEADER, ...kept, TRAILER];
      kept = [];
      bytes = 0;
      return taken;
    },
  };
}
