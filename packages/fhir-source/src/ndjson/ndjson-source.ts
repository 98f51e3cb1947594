import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ViewmillError } from '@viewmill/contracts';
import { isResourceType } from '../resource-types.ts';
import type { TextBatch, TextRequest, TextSource } from '../text-source.ts';
import { type Lines, readLines } from './lines.ts';

export interface NdjsonOptions {
  /** A folder of `*.ndjson` and `*.ndjson.gz`, as a bulk export leaves it; folders in it are not read. */
  readonly folder: string;
  /** Bytes of a line at most, default 64 MB; a longer one is broken. */
  readonly maxLineBytes?: number | undefined;
}

const NDJSON = /\.ndjson(?:\.gz)?$/i;
const TYPED = /^([A-Za-z]+)(?:\.\d+)?\.ndjson(?:\.gz)?$/;

/**
 * Reads a folder of NDJSON files, in the order of their names, line by line. A file that is named after another type is not opened;
 * in files with other names every line is looked at. Broken lines are reported and skipped.
 */
export function ndjsonSource({ folder, maxLineBytes }: NdjsonOptions): TextSource {
  return {
    description: 'the NDJSON files',
    async *read({ resourceType, signal, onBroken = () => undefined }: TextRequest) {
      signal?.throwIfAborted();
      for (const name of await filesOf(folder)) {
        const named = typeOfName(name);
        if (named !== null && named !== resourceType) continue;
        const lines = readLines(join(folder, name), maxLineBytes);
        try {
          for await (const block of lines) {
            const batch = select(block, name, named === null ? `"${resourceType}"` : null, onBroken);
            if (batch.texts.length > 0) yield batch;
            signal?.throwIfAborted();
          }
        } catch (error) {
          throw unreadable(error, `the file ${name}`);
        }
      }
    },
  };
}

async function filesOf(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw unreadable(error, 'the folder FHIR_NDJSON_DIR');
  });
  const files = names.filter((name) => NDJSON.test(name)).sort();
  if (files.length === 0) throw new ViewmillError('VM3024', 'the folder FHIR_NDJSON_DIR has no file *.ndjson or *.ndjson.gz');
  return files;
}

/** `Patient.ndjson`, `Patient.000.ndjson.gz`; null if the name says nothing. */
function typeOfName(name: string): string | null {
  const type = TYPED.exec(name)?.[1];
  return type !== undefined && isResourceType(type) ? type : null;
}

/** @param mark what a line of the wanted type must hold; null: all lines are of the type. */
function select(
  { lines, first, broken }: Lines,
  name: string,
  mark: string | null,
  onBroken: (place: string) => void,
): TextBatch {
  const texts: string[] = [];
  const numbers: number[] = [];
  const bad = new Set(broken);
  for (const [index, line] of lines.entries()) {
    const text = line.trim();
    const isObject = text.startsWith('{') && text.endsWith('}');
    if (bad.has(index) || (text !== '' && !isObject)) onBroken(`${name}:${first + index}`);
    else if (isObject && (mark === null || text.includes(mark))) {
      texts.push(text);
      numbers.push(first + index);
    }
  }
  return { texts, place: (index) => `${name}:${numbers[index]}` };
}

/** Errors of reading, by their codes alone; everything else as it is. */
function unreadable(error: unknown, what: string): unknown {
  const { code } = error as { code?: unknown };
  if (error instanceof ViewmillError || typeof code !== 'string' || !/^(E[A-Z]+|Z_[A-Z_]+)$/.test(code)) return error;
  return new ViewmillError('VM3024', `${what} cannot be read (${code})`);
}
