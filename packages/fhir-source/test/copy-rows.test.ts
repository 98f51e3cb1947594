import { describe, expect, it } from 'vitest';
import { bigintField, bytesField, copyRowParser, type RowFields, textField } from '../src/copy-rows.ts';

const HEADER = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)]);
const TRAILER = Buffer.from([0xff, 0xff]);

function row(...fields: (Buffer | null)[]): Buffer {
  const count = Buffer.alloc(2);
  count.writeInt16BE(fields.length);
  const parts = fields.flatMap((field) => {
    const length = Buffer.alloc(4);
    length.writeInt32BE(field?.length ?? -1);
    return field === null ? [length] : [length, field];
  });
  return Buffer.concat([count, ...parts]);
}

function bigint(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
}

const VALUES = [
  { key: 1, text: 'plain', packed: '1f8b' },
  { key: -1, text: '', packed: null },
  { key: Number.MAX_SAFE_INTEGER, text: 'Zürich 🏥'.repeat(30), packed: '' },
  { key: '9223372036854775807', text: null, packed: 'ffff' },
];
const STREAM = Buffer.concat([
  HEADER,
  ...VALUES.map(({ key, text, packed }) =>
    row(bigint(BigInt(key)), text === null ? null : Buffer.from(text), packed === null ? null : Buffer.from(packed, 'hex')),
  ),
  TRAILER,
]);

function parseInChunks(size: number): unknown[] {
  const found: unknown[] = [];
  const parse = copyRowParser(3);
  const onRow = (fields: RowFields): void => {
    found.push({
      key: bigintField(fields, 0),
      text: textField(fields, 1),
      packed: bytesField(fields, 2)?.toString('hex') ?? null,
    });
  };
  for (let at = 0; at < STREAM.length; at += size) parse(STREAM.subarray(at, at + size), onRow);
  return found;
}

describe('copyRowParser', () => {
  it.each([1, 2, 3, 7, 19, 64, 1000, STREAM.length])('reads the same rows from chunks of %i bytes', (size) => {
    expect(parseInChunks(size)).toEqual(VALUES);
  });
});
