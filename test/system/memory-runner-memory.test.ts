import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createGzip } from 'node:zlib';
import { startFhirServer } from '@viewmill/testkit';
import { describe, expect, it } from 'vitest';

const SCRIPT = fileURLToPath(new URL('./memory-count.mjs', import.meta.url));
const LIMIT_MB = 300;
const TOTAL_BYTES = 200 * 1024 * 1024;

/** About 2 KB each, no two alike. */
function observation(index: number): string {
  return `{"resourceType":"Observation","id":"o${index}","status":"final","category":[{"coding":[{"code":"laboratory"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"${index % 97}-1"}]},"subject":{"reference":"Patient/${index % 1000}"},"effectiveDateTime":"2020-01-01T00:00:${String(index % 60).padStart(2, '0')}Z","valueQuantity":{"value":${index % 1000}.50,"unit":"mg"},"note":[{"text":"${'n'.repeat(1600)}"}]}`;
}
const RESOURCES = Math.ceil(TOTAL_BYTES / observation(0).length);

async function counted(place: string): Promise<{ count: number; rows: number; megabytes: number }> {
  const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, place]);
  return JSON.parse(stdout) as { count: number; rows: number; megabytes: number };
}

describe('200 MB of resources in the memory runner', () => {
  it(`stay within ${LIMIT_MB} MB from NDJSON files`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'viewmill-large-'));
    try {
      // Packed, the generated text takes little room on the disk.
      const half = Math.ceil(RESOURCES / 2);
      for (const [name, from, to] of [
        ['Observation.0.ndjson.gz', 0, half],
        ['export.ndjson', half, RESOURCES],
      ] as const) {
        const lines = function* () {
          for (let index = from; index < to; index += 1) yield `${observation(index)}\n`;
        };
        await pipeline(Readable.from(lines()), createGzip({ level: 1 }), createWriteStream(join(folder, name)));
      }
      const { count, rows, megabytes } = await counted(folder);
      expect([count, rows]).toEqual([RESOURCES, 10]);
      expect(megabytes).toBeLessThan(LIMIT_MB);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it(`stay within ${LIMIT_MB} MB from a FHIR server`, async () => {
    const server = await startFhirServer({
      resources: () => [],
      before: (request, response) => {
        const url = new URL(request.url ?? '', 'http://x');
        const offset = Number(url.searchParams.get('page') ?? 0);
        const end = Math.min(offset + 500, RESOURCES);
        const entries = Array.from({ length: end - offset }, (_, index) => `{"resource":${observation(offset + index)}}`);
        const link = end < RESOURCES ? [{ relation: 'next', url: `Observation?page=${end}` }] : [];
        response.end(`{"resourceType":"Bundle","link":${JSON.stringify(link)},"entry":[${entries.join(',')}]}`);
        return true;
      },
    });
    try {
      const { count, rows, megabytes } = await counted(server.url);
      expect([count, rows]).toEqual([RESOURCES, 10]);
      expect(megabytes).toBeLessThan(LIMIT_MB);
    } finally {
      await server.close();
    }
  });
});
