const MASK = 0xffff_ffff_ffff_ffffn;
const C1 = 0x87c3_7b91_1142_53d5n;
const C2 = 0x4cf5_ad43_2745_937fn;

/**
 * The hash of HAPI's search index columns (`hash_identity`, `hash_value`, …): the first 64 bits of murmur3_128 with seed 0
 * over the parts, each escaped as a URL parameter and followed by a bar. A part that is absent counts as one NUL byte.
 * @returns the signed number as text, for it does not fit a JavaScript number.
 */
export function searchHash(...parts: readonly (string | null)[]): string {
  const text = parts.map((part) => `${part === null ? '\0' : escapeParameter(part)}|`).join('');
  return BigInt.asIntN(64, murmur(Buffer.from(text, 'latin1'))).toString();
}

/** What Guava's percent escaper leaves alone: letters, digits and `-_.*`. */
function escapeParameter(text: string): string {
  return encodeURIComponent(text).replace(/[!~'()]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** MurmurHash3 x64 128, the first half of its result (Austin Appleby, public domain). */
function murmur(bytes: Buffer): bigint {
  let h1 = 0n;
  let h2 = 0n;
  const blocks = bytes.length >> 4;
  for (let block = 0; block < blocks; block++) {
    h1 ^= mixFirst(bytes.readBigUInt64LE(block * 16));
    h1 = (rotate(h1, 27n) + h2) & MASK;
    h1 = (h1 * 5n + 0x52dc_e729n) & MASK;
    h2 ^= mixSecond(bytes.readBigUInt64LE(block * 16 + 8));
    h2 = (rotate(h2, 31n) + h1) & MASK;
    h2 = (h2 * 5n + 0x3849_5ab5n) & MASK;
  }
  const tail = Buffer.alloc(16);
  bytes.copy(tail, 0, blocks * 16);
  h1 ^= mixFirst(tail.readBigUInt64LE(0));
  h2 ^= mixSecond(tail.readBigUInt64LE(8));

  const length = BigInt(bytes.length);
  h1 ^= length;
  h2 ^= length;
  h1 = (h1 + h2) & MASK;
  h2 = (h2 + h1) & MASK;
  return (finish(h1) + finish(h2)) & MASK;
}

function mixFirst(word: bigint): bigint {
  return (rotate((word * C1) & MASK, 31n) * C2) & MASK;
}

function mixSecond(word: bigint): bigint {
  return (rotate((word * C2) & MASK, 33n) * C1) & MASK;
}

function rotate(word: bigint, bits: bigint): bigint {
  return ((word << bits) | (word >> (64n - bits))) & MASK;
}

function finish(word: bigint): bigint {
  let mixed = ((word ^ (word >> 33n)) * 0xff51_afd7_ed55_8ccdn) & MASK;
  mixed = ((mixed ^ (mixed >> 33n)) * 0xc4ce_b9fe_1a85_ec53n) & MASK;
  return mixed ^ (mixed >> 33n);
}
