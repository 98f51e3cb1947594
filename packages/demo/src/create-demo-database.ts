import type { ClientBase } from 'pg';
import { createStaff } from './organizations.ts';
import { createProfile } from './patient-profile.ts';
import { patientRecord } from './patient-record.ts';
import type { ResourceType } from './resource.ts';
import { createResourceWriter, type TypeCounts } from './resource-writer.ts';
import { CREATE_INDEXES, CREATE_TABLES, SEQUENCES, TABLES } from './schema.ts';
import { createTableWriter } from './table-writer.ts';

const DEFAULT_PATIENTS = 105;
const DEFAULT_CONDITIONS = 4_380;
const DEFAULT_OBSERVATIONS = 65_407;
const FIRST_KEY = 1000;

export interface DemoOptions {
  /** Live Patients; 105 without it. */
  readonly patients?: number;
  /** Live Conditions; 4 380 without it, or the same number per patient. */
  readonly conditions?: number;
  /** Live Observations; 65 407 without it, or the same number per patient. */
  readonly observations?: number;
  /** Multiplies all three; 1 without it. */
  readonly scale?: number;
  /** Fill the tables of search indexes and links (they are created in any case); true without it. */
  readonly searchIndexes?: boolean;
  readonly onProgress?: (progress: DemoProgress) => void;
}

/** Patients written of all, then indexes made of all, then the statistics. */
export interface DemoProgress {
  readonly phase: 'resources' | 'indexes' | 'statistics';
  readonly done: number;
  readonly total: number;
}

/** What is in the database then. */
export interface DemoCounts {
  readonly types: Readonly<Record<ResourceType, Readonly<TypeCounts>>>;
  /** Resources that can be read. */
  readonly live: number;
  readonly deleted: number;
  /** Rows of `hfj_res_ver`. */
  readonly versions: number;
}

/**
 * Creates a FHIR database as HAPI 8.8 writes it, filled with invented patients: the same on every machine for the same options.
 * All of it happens in one transaction, so an interrupted run leaves nothing behind; memory stays within some ten megabytes.
 * @param client connected to an empty database, not in a transaction; the tables go into the first schema of its search_path.
 */
export async function createDemoDatabase(client: ClientBase, options: DemoOptions = {}): Promise<DemoCounts> {
  const sizes = sizesOf(options);
  const progress = options.onProgress ?? (() => {});

  await client.query('BEGIN');
  try {
    await client.query("SET LOCAL maintenance_work_mem = '256MB'");
    await client.query(CREATE_TABLES);
    const counts = await writeResources(client, sizes, options.searchIndexes ?? true, progress);
    for (const [done, statement] of CREATE_INDEXES.entries()) {
      progress({ phase: 'indexes', done, total: CREATE_INDEXES.length });
      await client.query(statement);
    }
    for (const { name, table, key, increment } of SEQUENCES) {
      await client.query(`CREATE SEQUENCE ${name} INCREMENT BY ${increment}`);
      await client.query(`SELECT setval('${name}', (SELECT coalesce(max(${key}), 0) + 1 FROM ${table}), false)`);
    }
    progress({ phase: 'statistics', done: 0, total: 1 });
    await client.query(`ANALYZE ${TABLES.join(', ')}`);
    await client.query('COMMIT');
    progress({ phase: 'statistics', done: 1, total: 1 });
    return counts;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  }
}

interface Sizes {
  readonly patients: number;
  readonly conditions: number;
  readonly observations: number;
}

function sizesOf({ patients, conditions, observations, scale = 1 }: DemoOptions): Sizes {
  const perPatient = (total: number) => (patients === undefined ? total : (total * patients) / DEFAULT_PATIENTS);
  const sizes = {
    patients: Math.max(1, Math.round((patients ?? DEFAULT_PATIENTS) * scale)),
    conditions: Math.round((conditions ?? perPatient(DEFAULT_CONDITIONS)) * scale),
    observations: Math.round((observations ?? perPatient(DEFAULT_OBSERVATIONS)) * scale),
  };
  for (const [name, size] of Object.entries(sizes)) {
    if (!Number.isSafeInteger(size) || size < 0) throw new RangeError(`the number of ${name} must be zero or more`);
  }
  return sizes;
}

async function writeResources(
  client: ClientBase,
  sizes: Sizes,
  searchIndexes: boolean,
  progress: (progress: DemoProgress) => void,
): Promise<DemoCounts> {
  const tables = createTableWriter(client);
  const writer = createResourceWriter(tables, { searchIndexes });
  const staff = createStaff(sizes.patients, FIRST_KEY);
  for (const resource of staff.resources()) writer.write(resource);

  let key = FIRST_KEY + staff.organizations + staff.practitioners;
  let totalWeight = 0;
  for (let index = 0; index < sizes.patients; index++) totalWeight += createProfile(index).weight;
  // Each patient gets the difference of two rounded shares of the whole: the sums are exact, and nothing has to be kept.
  let weight = 0;
  const share = (total: number, ofWeight: number) => Math.floor(total * (ofWeight / totalWeight));

  for (let index = 0; index < sizes.patients; index++) {
    progress({ phase: 'resources', done: index, total: sizes.patients });
    const profile = createProfile(index);
    const before = weight;
    weight += profile.weight;
    const quota = {
      conditions: share(sizes.conditions, weight) - share(sizes.conditions, before),
      observations: share(sizes.observations, weight) - share(sizes.observations, before),
    };
    let written = 0;
    for (const resource of patientRecord(profile, quota, staff, () => key++)) {
      writer.write(resource);
      if (++written % 500 === 0) await tables.breathe();
    }
    await tables.breathe();
  }
  writer.writeDefinitions();
  await tables.end();

  const types = Object.values(writer.counts);
  const sum = (of: keyof TypeCounts) => types.reduce((total, counts) => total + counts[of], 0);
  return { types: writer.counts, live: sum('live'), deleted: sum('deleted'), versions: sum('versions') };
}
