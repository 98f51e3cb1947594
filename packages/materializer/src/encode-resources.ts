import { compilePrefilter, compileRows, copyEncoder, type JsonObject, parseResource, type Row } from '@viewmill/backend-js';
import { ViewmillError } from '@viewmill/contracts';
import type { SourceResource } from '@viewmill/fhir-source';
import type { ViewPlan } from '@viewmill/views';
import { type QuarantineList, quarantineList } from './quarantine-list.ts';

/** Resources in, lines of COPY out. */
export interface ResourceEncoder {
  /**
   * Adds the rows of a resource; one that cannot be read goes to the quarantine and adds none.
   * @throws ViewmillError of the view (VM1201), with the res_id of the resource; whatever else is our fault
   */
  add(resource: SourceResource): void;
  /** The lines so far; the caller's to keep. */
  take(): Uint8Array<ArrayBuffer>;
  /** Rows and broken resources since the last call. */
  count(): { readonly rows: number; readonly quarantine: QuarantineList };
}

const NEWLINE = 10;

/** What the rows of a resource with this error would be is not known: they are left out, and the build goes on. */
const LEAVES_OUT = new Set(['VM1203', 'VM1204']);

export function resourceEncoder(plan: ViewPlan): ResourceEncoder {
  const rowsOf = compileRows(plan);
  const encoder = copyEncoder(plan);
  let quarantine = quarantineList();
  const read = resourceReader(plan);
  const mayHaveRows = compilePrefilter(plan);
  let rows = 0;
  let resId: number | string = 0;
  let ordinal = 0;
  /** Lines that were taken out to get rid of those of a broken resource behind them. */
  let kept: Buffer[] = [];
  const emit = (row: Row): void => {
    encoder.add(resId, ordinal, row);
    ordinal += 1;
  };
  return {
    add(resource) {
      if (mayHaveRows !== null && resource.text !== null && !mayHaveRows(resource.text)) return;
      resId = resource.resId;
      ordinal = 0;
      try {
        rowsOf(read(resource), emit);
        rows += ordinal;
      } catch (error) {
        const { code, message } = toResourceError(error, resId);
        if (ordinal > 0) {
          const others = withoutLast(ordinal, encoder.take());
          kept.push(others);
        }
        quarantine.add({ resId, resVer: resource.resVer, code, message });
      }
    },
    take() {
      const last = encoder.take();
      const all = kept.length === 0 ? last : Buffer.concat([...kept, last]);
      kept = [];
      // Small Buffers share their memory with others, which cannot be handed to another thread.
      const whole = all.byteLength === all.buffer.byteLength ? all : new Uint8Array(all);
      return whole as Uint8Array<ArrayBuffer>;
    },
    count() {
      const counted = { rows, quarantine };
      rows = 0;
      quarantine = quarantineList();
      return counted;
    },
  };
}

/** Takes lines off the end; a line end within a text is escaped. */
function withoutLast(count: number, lines: Buffer): Buffer {
  let end = lines.length;
  for (let line = 0; line < count; line += 1) end = lines.lastIndexOf(NEWLINE, end - 2) + 1;
  return lines.subarray(0, end);
}

/** The resource with what the server keeps beside its text: `id` and `meta`. */
function resourceReader({ needs }: ViewPlan): (resource: SourceResource) => JsonObject {
  const options = { decimals: needs.decimals };
  return ({ id, meta, text, error }) => {
    if (error !== null) throw new ViewmillError('VM1204', error);
    const resource = parse(text, options) as { id?: string; meta?: JsonObject };
    if (id !== null) resource.id = id;
    if (meta !== null) resource.meta = JSON.parse(meta) as JsonObject;
    return resource as JsonObject;
  };
}

/** The parser's messages quote the text, so none of them is passed on. */
function parse(text: string, options: { readonly decimals: boolean }): JsonObject {
  try {
    return parseResource(text, options);
  } catch {
    throw new ViewmillError('VM1204', 'its text is not a JSON object');
  }
}

/** @throws what must end the build */
function toResourceError(error: unknown, resId: number | string): ViewmillError {
  // The stack's end, on a resource that is nested some thousand levels deep.
  if (error instanceof RangeError && error.message.includes('call stack'))
    return new ViewmillError('VM1204', 'it is nested too deeply');
  if (!(error instanceof ViewmillError)) throw error;
  if (LEAVES_OUT.has(error.code)) return error;
  throw new ViewmillError(
    error.code,
    `${error.message} (resource with res_id ${resId})`,
    error.at === undefined ? {} : { at: error.at },
  );
}
