import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { ndjsonSource } from '@viewmill/fhir-source';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const patient = (id: string): string => `{"resourceType":"Patient","id":"${id}","multipleBirthInteger":1.0}`;
const observation = (id: string): string => `{"id":"${id}", "resourceType" : "Observation"}`;

describe('an NDJSON source', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'viewmill-ndjson-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const write = (name: string, content: string | Buffer): Promise<void> => writeFile(join(folder, name), content);

  async function read(resourceType: string, maxLineBytes?: number) {
    const texts: string[] = [];
    const places: string[] = [];
    const broken: string[] = [];
    for await (const batch of ndjsonSource({ folder, maxLineBytes }).read({ resourceType, onBroken: (at) => broken.push(at) })) {
      texts.push(...batch.texts);
      places.push(...batch.texts.map((_, index) => batch.place(index)));
    }
    return { texts, places, broken };
  }

  it('reads files by their names, in their order, and leaves the others closed', async () => {
    await write('Patient.001.ndjson', `${patient('c')}\n`);
    await write('Patient.000.ndjson.gz', gzipSync(`${patient('a')}\n${patient('b')}\n`));
    await write('Patient.002.ndjson', gzipSync(patient('d')));
    await write('readme.txt', 'no resources');
    // Cannot be opened as a file: that it is not opened at all is what shows.
    await mkdir(join(folder, 'Observation.ndjson'));
    const { texts, places, broken } = await read('Patient');
    expect(texts).toEqual(['a', 'b', 'c', 'd'].map(patient));
    expect(places).toEqual([
      'Patient.000.ndjson.gz:1',
      'Patient.000.ndjson.gz:2',
      'Patient.001.ndjson:1',
      'Patient.002.ndjson:1',
    ]);
    expect(broken).toEqual([]);
    await expect(read('Observation')).rejects.toMatchObject({
      code: 'VM3024',
      message: expect.stringContaining('EISDIR') as string,
    });
  });

  it('looks at the lines of files with other names', async () => {
    await write('Export.ndjson', [observation('o1'), patient('p1'), '', observation('o2')].join('\r\n'));
    await write('part-2.NDJSON.gz', gzipSync([patient('p2'), observation('o3')].join('\n')));
    expect((await read('Observation')).texts).toEqual(['o1', 'o2', 'o3'].map(observation));
    expect(await read('Patient')).toEqual({
      texts: ['p1', 'p2'].map(patient),
      places: ['Export.ndjson:2', 'part-2.NDJSON.gz:1'],
      broken: [],
    });
  });

  it('names broken lines and goes on', async () => {
    const lines = [
      Buffer.from(`\ufeff${patient('a')}`),
      Buffer.from('{"resourceType":"Patient","id":"cut'),
      Buffer.from([0x7b, 0xff, 0x7d]),
    ];
    const rest = ['   ', 'hello', patient('ü'), patient('x'.repeat(400_000)), patient('z')].map((line) => Buffer.from(line));
    await write('Patient.ndjson', Buffer.concat([...lines, ...rest].flatMap((line) => [line, Buffer.from('\n')])));
    await write('mixed.ndjson', `${observation('o')}\n[1]\n${patient('m')}\n`);
    const { texts, places, broken } = await read('Patient', 100_000);
    expect(texts).toEqual(['a', 'ü', 'z', 'm'].map(patient));
    expect(places).toEqual(['Patient.ndjson:1', 'Patient.ndjson:6', 'Patient.ndjson:8', 'mixed.ndjson:3']);
    expect(broken).toEqual(['Patient.ndjson:2', 'Patient.ndjson:3', 'Patient.ndjson:5', 'Patient.ndjson:7', 'mixed.ndjson:2']);
    expect((await read('Patient')).texts).toHaveLength(5);
  });

  it('keeps lines whole across chunks', async () => {
    const lines = Array.from({ length: 3000 }, (_, index) => patient(`${index}-${'ä'.repeat(index % 500)}`));
    await write('Patient.ndjson', lines.join('\n'));
    await write('Patient.1.ndjson', gzipSync(lines.join('\n')));
    const { texts, places } = await read('Patient');
    expect(texts).toEqual([...lines, ...lines]);
    expect(places.at(-1)).toBe('Patient.ndjson:3000');
  });

  it('reads a gzip of several members, as parallel writers leave it', async () => {
    await write('Patient.ndjson.gz', Buffer.concat([gzipSync(`${patient('a')}\n`), gzipSync(`${patient('b')}\n`)]));
    expect((await read('Patient')).texts).toEqual(['a', 'b'].map(patient));
  });

  it('says which file cannot be read', async () => {
    await expect(read('Patient')).rejects.toMatchObject({
      code: 'VM3024',
      message: expect.stringContaining('no file') as string,
    });
    await write(
      'Patient.ndjson.gz',
      gzipSync(Array.from({ length: 1000 }, (_, index) => patient(`${index}`)).join('\n')).subarray(0, -20),
    );
    await expect(read('Patient')).rejects.toMatchObject({
      code: 'VM3024',
      message: expect.stringMatching(/^the file Patient.ndjson.gz cannot be read \(Z_/) as string,
    });
    await expect(
      ndjsonSource({ folder: join(folder, 'none') })
        .read({ resourceType: 'Patient' })
        .next(),
    ).rejects.toMatchObject({ code: 'VM3024', message: expect.stringContaining('ENOENT') as string });
  });

  it('stops when the reader leaves or is told to', async () => {
    await write('Patient.ndjson', Array.from({ length: 50_000 }, (_, index) => patient(`${index}`)).join('\n'));
    const stop = new AbortController();
    const reading = ndjsonSource({ folder }).read({ resourceType: 'Patient', signal: stop.signal });
    expect((await reading.next()).done).toBe(false);
    stop.abort(new Error('enough'));
    await expect(reading.next()).rejects.toThrow('enough');
    for await (const { texts } of ndjsonSource({ folder }).read({ resourceType: 'Patient' })) {
      expect(texts.length).toBeLessThan(50_000);
      break;
    }
  });
});
