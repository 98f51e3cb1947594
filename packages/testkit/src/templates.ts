import { createReadStream, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, gunzipSync } from 'node:zlib';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { sharedPath } from './shared.ts';

/** What a test database is a copy of. */
export type TemplateName = 'empty' | 'hapi' | 'hapi-6.6' | 'demo';

/** Fills the template database that `client` is connected to. */
export async function fillTemplate(template: TemplateName, client: pg.Client): Promise<void> {
  switch (template) {
    case 'empty':
      return;
    case 'hapi':
    case 'hapi-6.6':
      await loadDump(client, sharedPath(template));
      break;
    case 'demo':
      await createDemo(client);
      break;
  }
  // Statistics and visibility map as on a server that has run for a while: plans are those of production.
  await client.query('vacuum (analyze)');
}

/** Tables that others refer to come first; see the dump's README. */
const FIRST = ['hfj_resource', 'hfj_tag_def', 'hfj_spidx_identity'];

/** Loads a dump (schema.sql, data/*.copy.gz, large_objects.tsv.gz) into the database that `client` is connected to. */
export async function loadDump(client: pg.Client, folder: string): Promise<void> {
  const schema = readFileSync(join(folder, 'schema.sql'), 'utf8');
  // Tables and sequences first, keys and indexes after the data: half the time.
  const keys = schema.search(/^ALTER TABLE/m);
  await client.query('begin');
  await client.query(schema.slice(0, keys));
  await loadLargeObjects(client, join(folder, 'large_objects.tsv.gz'));
  for (const file of readdirSync(join(folder, 'data')).sort(byDependency)) {
    const table = file.replace(/\.copy\.gz$/, '');
    await pipeline(
      createReadStream(join(folder, 'data', file)),
      createGunzip(),
      client.query(copyFrom(`copy public.${client.escapeIdentifier(table)} from stdin`)),
    );
  }
  await client.query(schema.slice(keys));
  await client.query('commit');
}

function byDependency(a: string, b: string): number {
  const rank = (file: string): number => (FIRST.some((table) => file === `${table}.copy.gz`) ? 0 : 1);
  return rank(a) - rank(b) || (a < b ? -1 : 1);
}

/** Each line: oid, tab, hexadecimal bytes. Through a temporary table: one round trip, whatever their number. */
async function loadLargeObjects(client: pg.Client, file: string): Promise<void> {
  if (!existsSync(file)) return;
  await client.query('create temporary table incoming (id oid, hex text) on commit drop');
  await pipeline(Readable.from([gunzipSync(readFileSync(file))]), client.query(copyFrom('copy incoming from stdin')));
  await client.query(`select count(lo_from_bytea(id, decode(hex, 'hex'))) from incoming`);
}

/** Small: tests want every kind of resource, not many of each. */
async function createDemo(client: pg.Client): Promise<void> {
  // Loaded when needed: most tests do without.
  const { createDemoDatabase } = await import('@viewmill/demo');
  await createDemoDatabase(client, { patients: 10 });
}
