import { hash } from 'node:crypto';
import { searchHash } from '@viewmill/fhir-source';
import { type DemoResource, RESOURCE_TYPES, type ResourceType, TAGS, type Token } from './resource.ts';
import { copyText, type TableWriter } from './table-writer.ts';
import { boundaries, HOUR, REFERENCE_TIME, toTimestamp } from './time.ts';

/** Rows without a partition. */
const NO_PARTITION = '\\N\t\\N';
/** The server was filled in the night two days before the reference time; changes followed in the day and a half after it. */
const LOAD_TIME = REFERENCE_TIME - 46 * HOUR;
const MILLISECONDS_PER_RESOURCE = 5;
const MAXIMUM_LOAD = 4 * HOUR;
const CACHED_TOKENS = 4096;

/** How many there are of a type: those that can be read, and those that were deleted. */
export interface TypeCounts {
  live: number;
  deleted: number;
  versions: number;
}

export interface ResourceWriter {
  write(resource: DemoResource): void;
  /** Writes the tables that describe others: types, tags and search parameters. To be called last. */
  writeDefinitions(): void;
  readonly counts: Readonly<Record<ResourceType, TypeCounts>>;
}

/** Turns resources into the rows that HAPI writes for them. */
export function createResourceWriter(tables: TableWriter, options: { searchIndexes: boolean }): ResourceWriter {
  const counts = Object.fromEntries(
    Object.keys(RESOURCE_TYPES).map((type) => [type, { live: 0, deleted: 0, versions: 0 }]),
  ) as Record<ResourceType, TypeCounts>;
  const last = { version: 999, tag: 999, link: 999, token: 999, date: 999, string: 999 };
  const identities = new Map<ResourceType, Map<string, string>>();
  const tokens = new Map<string, string>();
  const sharedTokens = new WeakMap<Token, { head: string; tail: string }>();
  let written = 0;

  const identity = (type: ResourceType, parameter: string): string => {
    let ofType = identities.get(type);
    if (!ofType) {
      ofType = new Map();
      identities.set(type, ofType);
    }
    let known = ofType.get(parameter);
    if (known === undefined) {
      known = searchHash(type, parameter);
      ofType.set(parameter, known);
    }
    return known;
  };
  const headOf = (type: ResourceType, parameter: string) => `${NO_PARTITION}\t${identity(type, parameter)}\tf\t${parameter}`;

  // Most tokens are one of a few hundred codes, and a hash costs some 20 µs; identifiers would fill the memory, so it is emptied.
  const tokenTail = (type: ResourceType, [parameter, system, code]: Token): string => {
    const key = `${type}\t${parameter}\t${system}\t${code}`;
    let tail = tokens.get(key);
    if (tail === undefined) {
      const hashes = [
        searchHash(type, parameter, system),
        searchHash(type, parameter, system ?? '', code),
        searchHash(type, parameter, code),
      ];
      tail = `${type}\t\\N\t${hashes.join('\t')}\t${system ?? '\\N'}\t${copyText(code)}`;
      if (tokens.size >= CACHED_TOKENS) tokens.clear();
      tokens.set(key, tail);
    }
    return tail;
  };
  // The observations of a definition share the token itself: not even its key has to be put together.
  const prepared = (type: ResourceType, token: Token) => {
    let row = sharedTokens.get(token);
    if (!row) {
      row = { head: headOf(type, token[0]), tail: tokenTail(type, token) };
      sharedTokens.set(token, row);
    }
    return row;
  };

  const writeIndexes = (resource: DemoResource, updated: string): void => {
    const { type, key } = resource;
    const head = (parameter: string) => `${headOf(type, parameter)}\t${key}\t${type}\t\\N`;
    for (const token of resource.tokens) {
      const row = prepared(type, token);
      tables.row('hfj_spidx_token', `${++last.token}\t${row.head}\t${key}\t${row.tail}`);
    }
    for (const [parameter, start, end] of resource.dates) {
      const { low } = boundaries(start);
      const { high } = boundaries(end);
      tables.row('hfj_spidx_date', `${++last.date}\t${head(parameter)}\t${high}\t${ordinal(high)}\t${low}\t${ordinal(low)}`);
    }
    for (const [parameter, value] of resource.strings ?? []) {
      const hashes = `${searchHash(type, parameter, value)}\t${searchHash(type, parameter, '')}`;
      const values = `${copyText(value)}\t${copyText(normalize(value))}`;
      tables.row('hfj_spidx_string', `${++last.string}\t${head(parameter)}\t${hashes}\t${values}`);
    }
    for (const link of resource.links) {
      const source = `${link.path}\t${key}\t${type}\t${RESOURCE_TYPES[type]}`;
      const target = `${link.key}\t${link.type}\t${RESOURCE_TYPES[link.type]}\t\\N\t\\N`;
      tables.row('hfj_res_link', `${++last.link}\t${NO_PARTITION}\t${source}\t${NO_PARTITION}\t${target}\t${updated}`);
    }
  };

  return {
    counts,
    write(resource) {
      const { type, key, texts, fate } = resource;
      const typeNumber = RESOURCE_TYPES[type];
      const hasTags = resource.tags.length > 0 ? 't' : 'f';
      const loaded = LOAD_TIME + ((written++ * MILLISECONDS_PER_RESOURCE) % MAXIMUM_LOAD);
      const published = toTimestamp(loaded);
      let time = loaded;
      let version = 0;

      const addVersion = (text: string | null): void => {
        const updated = time === loaded ? published : toTimestamp(time);
        const content = text === null ? '\\N' : copyText(text);
        tables.row(
          'hfj_res_ver',
          `\\N\t${++last.version}\t${text === null ? updated : '\\N'}\tR4\t${hasTags}\t${published}\t${updated}\t${text === null ? 'DEL' : 'JSON'}` +
            `\t\\N\t\\N\t\\N\t${key}\t${content}\t${type}\t${typeNumber}\t${version}\t${resource.source ?? '\\N'}`,
        );
        counts[type].versions++;
      };
      // Between two changes lie 5 to 8 hours, so the last of four ends before the reference time.
      const later = (): void => {
        time += 5 * HOUR + ((key * 7919 + version * 104_729) % (3 * HOUR));
      };

      for (const text of texts) {
        if (version++ > 0) later();
        addVersion(text);
      }
      const current = texts.at(-1) as string;
      if (fate) {
        later();
        version++;
        addVersion(null);
      }
      if (fate === 'recreated') {
        later();
        // HAPI 8.8 skips a number when it creates a deleted resource again.
        version += 2;
        addVersion(current);
      }

      const deleted = fate === 'deleted';
      const updated = time === loaded ? published : toTimestamp(time);
      const present = (rows: { readonly length: number } | undefined) =>
        options.searchIndexes && !deleted && rows?.length ? 't' : 'f';
      const sha = deleted ? '\\N' : hash('sha256', current);
      tables.row(
        'hfj_resource',
        `${key}\t\\N\t${deleted ? updated : '\\N'}\tR4\t${hasTags}\t${published}\t${updated}\t${resource.id}\t${present(resource.links)}\t${sha}` +
          `\t0\t\\N\tf\tf\tf\t${present(resource.dates)}\tf\tf\tf\t${present(resource.strings)}\t${present(resource.tokens)}\tf` +
          `\t\\N\t${type}\t${typeNumber}\tf\t${version}`,
      );
      for (const tag of resource.tags) {
        tables.row('hfj_res_tag', `${++last.tag}\t${NO_PARTITION}\t${TAGS[tag].id}\t${key}\t${type}\t${typeNumber}`);
      }
      counts[type][deleted ? 'deleted' : 'live']++;
      if (options.searchIndexes && !deleted) writeIndexes(resource, updated);
    },
    writeDefinitions() {
      for (const [type, number] of Object.entries(RESOURCE_TYPES)) tables.row('hfj_resource_type', `${number}\t${type}`);
      for (const { id, kind, system, code } of Object.values(TAGS)) {
        tables.row('hfj_tag_def', `${id}\t${code}\t\\N\t${system}\t${kind}\t\\N\t\\N`);
      }
      let number = 0;
      for (const [type, parameters] of identities) {
        for (const [parameter, hash] of parameters)
          tables.row('hfj_spidx_identity', `${++number}\t${hash}\t${parameter}\t${type}`);
      }
    },
  };
}

/** `2019-03-20 02:43:19.205` as 20190320. */
function ordinal(timestamp: string): string {
  return timestamp.slice(0, 10).replaceAll('-', '');
}

/** As HAPI compares strings: upper case, accents left out. */
function normalize(value: string): string {
  return value.normalize('NFD').replace(/\p{M}/gu, '').toUpperCase();
}
