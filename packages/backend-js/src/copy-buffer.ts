/** Bytes at the start; a line longer than the room grows the buffer. */
const INITIAL = 1 << 17;
/** Up to here a loop over the characters beats the calls into the runtime (measured: 75 ms against 150 for 100 000 rows of 9 columns). */
const SHORT = 96;
/** A UTF-16 unit takes at most three bytes. */
const WIDEST = 3;

const TAB = 9;
const NEWLINE = 10;
const BACKSLASH = 92;
const CAPITAL_N = 78;
/** Below are the control characters, among them all that need an escape. */
const SPACE = 32;
const DELETE = 127;

/** Characters that the text format of COPY gives a meaning, and NUL. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: NUL is what is looked for.
const SPECIAL = /[\\\n\r\t\0]/;

/** UTF-8 lines of COPY's text format in a growing buffer. */
export interface CopyBuffer {
  /** Adds a field and the tab before it; the text is escaped. @returns false, and adds nothing, if the text has a NUL. */
  field(text: string): boolean;
  /** Adds the field NULL. */
  nullField(): void;
  /** Begins a line with a text that needs no escape. */
  start(text: string): void;
  end(): void;
  /** Gives up the line begun. */
  rollback(): void;
  /** Bytes of whole lines. */
  size(): number;
  take(): Buffer;
}

export function createCopyBuffer(): CopyBuffer {
  let buffer = Buffer.allocUnsafe(INITIAL);
  let length = 0;
  let line = 0;

  function reserve(bytes: number): void {
    if (length + bytes <= buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(buffer.length * 2, length + bytes));
    buffer.copy(larger, 0, 0, length);
    buffer = larger;
  }

  function write(text: string): void {
    reserve(text.length * WIDEST);
    length += buffer.write(text, length, 'utf8');
  }

  /** @returns false, and adds nothing, at a character that is not plain ASCII. */
  function writePlain(text: string): boolean {
    const count = text.length;
    reserve(count);
    const target = buffer;
    let position = length;
    for (let index = 0; index < count; index += 1) {
      const unit = text.charCodeAt(index);
      if (unit < SPACE || unit >= DELETE || unit === BACKSLASH) return false;
      target[position] = unit;
      position += 1;
    }
    length = position;
    return true;
  }

  return {
    field(text) {
      reserve(1);
      buffer[length] = TAB;
      length += 1;
      if (text.length <= SHORT && writePlain(text)) return true;
      if (!SPECIAL.test(text)) write(text);
      else if (text.includes('\0')) return false;
      else write(text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll('\t', '\\t'));
      return true;
    },
    nullField() {
      reserve(3);
      buffer[length] = TAB;
      buffer[length + 1] = BACKSLASH;
      buffer[length + 2] = CAPITAL_N;
      length += 3;
    },
    start(text) {
      if (!writePlain(text)) write(text);
    },
    end() {
      reserve(1);
      buffer[length] = NEWLINE;
      length += 1;
      line = length;
    },
    rollback() {
      length = line;
    },
    size: () => line,
    take() {
      const taken = buffer.subarray(0, line);
      buffer = Buffer.allocUnsafe(Math.max(INITIAL, Math.min(buffer.length, line * 2)));
      length = 0;
      line = 0;
      return taken;
    },
  };
}
