import { type Catalog, createCatalog, migrate } from '@viewmill/catalog';
import { searchSchema } from '@viewmill/contracts';
import { detectHapi, disableLive, enableLive, type HapiLayout } from '@viewmill/fhir-source';
import { dropView, type RefreshOptions, refreshView } from '@viewmill/materializer';
import { createRunner, type ViewRunner } from '@viewmill/runner';
import { deleteResource, metaAdd, putResource } from '@viewmill/testkit';
import { compileView, type ViewPlan } from '@viewmill/views';
import pg from 'pg';
import { expect } from 'vitest';
import type { Id, Step, Tag, View, Writer } from './history.ts';

const SCHEMA = 'sqlonfhir';
const NO_READER = '';

const plan = (name: string, more: object): ViewPlan =>
  compileView({
    resourceType: 'ViewDefinition',
    ...{ name, status: 'active', resource: 'Basic' },
    select: [{ column: [{ name: 'id', path: 'id' }] }, more],
  });
const PLANS: Readonly<Record<View, ViewPlan>> = {
  plain: plan('plain', { forEach: 'code.coding', column: [{ name: 'value', path: 'code' }] }),
  tagged: plan('tagged', {
    column: [
      { name: 'version', path: 'meta.versionId' },
      { name: 'value', path: 'meta.tag.code', collection: true },
    ],
  }),
};

interface Resource {
  readonly values: readonly string[];
  readonly version: number;
  readonly tags: ReadonlySet<Tag>;
}
/** Deleted ones too: their version goes on counting, and their tags stay. */
interface Known extends Resource {
  readonly deleted: boolean;
}
type State = ReadonlyMap<Id, Known>;

/** A HAPI database and, beside it, what it must hold: written from the steps alone. */
export class World {
  readonly #pool: pg.Pool;
  readonly #catalog: Catalog;
  readonly #layout: HapiLayout;
  readonly #runner: ViewRunner;
  readonly #writers = new Map<
    Writer,
    { readonly client: pg.PoolClient; readonly state: Map<Id, Known>; readonly touched: Set<Id> }
  >();
  #committed: State = new Map();

  private constructor(pool: pg.Pool, catalog: Catalog, layout: HapiLayout) {
    this.#pool = pool;
    this.#catalog = catalog;
    this.#layout = layout;
    this.#runner = createRunner({ kind: 'hybrid', source: pool, target: pool, layout, catalog, rememberMs: 0 });
  }

  static async open(pool: pg.Pool): Promise<World> {
    await migrate(pool, { schema: SCHEMA, readerRole: NO_READER });
    const layout = await detectHapi(pool, { schema: 'public', timeZone: 'UTC' });
    // Definitions of tags are made once: two transactions that make the same one would wait for each other.
    const client = await pool.connect();
    await putResource(client, { type: 'Basic', id: 'tags', json: { resourceType: 'Basic' } });
    for (const code of ['x', 'y']) await metaAdd(client, 'Basic', 'tags', { system: 'urn:model', code });
    client.release();
    return new World(pool, createCatalog({ pool, schema: SCHEMA }), layout);
  }

  /** Back to nothing: no resource, no view, no live capture. */
  async reset(): Promise<void> {
    for (const writer of [0, 1] as const) await this.#end(writer, 'rollback');
    await this.#with((client) => disableLive(client, SCHEMA, this.#layout));
    for (const name of Object.keys(PLANS))
      await dropView({ name, target: this.#pool, catalog: this.#catalog }).catch(() => undefined);
    await this.#pool.query(`
      with gone as (select res_id from hfj_resource where res_type = 'Basic'), t as (delete from hfj_res_tag where res_id in (select res_id from gone)),
        v as (delete from hfj_res_ver where res_id in (select res_id from gone))
      delete from hfj_resource where res_id in (select res_id from gone)`);
    this.#committed = new Map();
  }

  async close(): Promise<void> {
    await this.reset();
  }

  async run(step: Step): Promise<void> {
    switch (step.kind) {
      case 'commit':
      case 'rollback':
        return this.#end(step.writer, step.kind);
      case 'refresh':
        await this.#refresh(step.view, { mode: step.mode });
        return this.#check(step.view);
      case 'crash':
        return this.#crash(step);
      case 'read':
        return this.#read(step.view);
      case 'live':
        if (this.#writers.size > 0) return;
        await this.#with((client): Promise<unknown> => {
          const change = step.on ? enableLive : disableLive;
          return change(client, SCHEMA, this.#layout);
        });
        return;
      default:
        return this.#write(step);
    }
  }

  async #write(step: Extract<Step, { writer: Writer; id: Id }>): Promise<void> {
    // As on a real server, a second writer of a resource would wait for the first: here it would wait for ever.
    for (const [writer, { touched }] of this.#writers) if (writer !== step.writer && touched.has(step.id)) return;
    if (step.writer === null) {
      const state = new Map(this.#committed);
      await this.#with((client) => apply(client, state, step));
      return this.#commit([step.id], state);
    }
    let open = this.#writers.get(step.writer);
    if (open === undefined) {
      const client = await this.#pool.connect();
      await client.query('begin');
      open = { client, state: new Map(), touched: new Set() };
      this.#writers.set(step.writer, open);
    }
    const seen = this.#committed.get(step.id);
    // What others committed meanwhile is seen, as READ COMMITTED does.
    if (!open.touched.has(step.id) && seen !== undefined) open.state.set(step.id, seen);
    open.touched.add(step.id);
    await apply(open.client, open.state, step);
  }

  /** What a transaction changed becomes visible. */
  #commit(touched: Iterable<Id>, state: State): void {
    const committed = new Map(this.#committed);
    for (const id of touched) {
      const value = state.get(id);
      if (value === undefined) committed.delete(id);
      else committed.set(id, value);
    }
    this.#committed = committed;
  }

  async #end(writer: 0 | 1, how: 'commit' | 'rollback'): Promise<void> {
    const open = this.#writers.get(writer);
    if (open === undefined) return;
    this.#writers.delete(writer);
    await open.client.query(how);
    open.client.release();
    if (how === 'commit') this.#commit(open.touched, open.state);
  }

  #refresh(view: View, options: Partial<RefreshOptions>): Promise<unknown> {
    const place = { source: this.#pool, target: this.#pool, catalog: this.#catalog, layout: this.#layout };
    return refreshView({ ...place, name: view, plan: PLANS[view], reason: 'request', readerRole: NO_READER, ...options });
  }

  async #crash({ view, mode, phase }: Extract<Step, { kind: 'crash' }>): Promise<void> {
    const doomed = new pg.Pool({ ...this.#pool.options, max: 4, application_name: 'doomed' });
    doomed.on('error', () => undefined);
    doomed.on('connect', (client) => client.on('error', () => undefined));
    let cutting: Promise<unknown> = Promise.resolve();
    const onProgress = ({ phase: reached }: { readonly phase: string }): void => {
      if (reached === phase)
        cutting = this.#pool.query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'doomed'
          and datname = current_database()`);
    };
    await this.#refresh(view, { mode, source: doomed, target: doomed, onProgress }).catch(() => undefined);
    await cutting;
    await doomed.end();
    // Whatever it had done: an exact read is right, and so is the next refresh.
    await this.#read(view);
    await this.#refresh(view, {});
    await this.#check(view);
  }

  async #check(view: View): Promise<void> {
    const { rows } = await this.#pool.query(`select to_jsonb(v) as row from sqlonfhir.${view} v`);
    expect(sorted(rows.map(({ row }) => row as object))).toEqual(this.#expected(view));
    expect(await this.#catalog.viewStatus(view)).toMatchObject({ row_count: rows.length });
  }

  async #read(view: View): Promise<void> {
    const search = searchSchema.parse({});
    const { rowsJson } = await this.#runner.execute({ name: view, plan: PLANS[view] }, search, undefined, { freshness: 'exact' });
    expect(sorted(JSON.parse(rowsJson) as object[])).toEqual(this.#expected(view));
    // By a value that an index answers, or the resource's id.
    const conditions = [{ field: 'id', operator: 'eq' as const, values: ['a'] }];
    const one = searchSchema.parse({ conditions });
    const { count } = await this.#runner.executeCount({ name: view, plan: PLANS[view] }, one, { freshness: 'exact' });
    expect(count).toBe(this.#expected(view).filter((row) => row.includes('"id":"a"')).length);
  }

  #expected(view: View): readonly string[] {
    const live = [...this.#committed].filter(([, { deleted }]) => !deleted);
    return sorted(
      live.flatMap(([id, { values, version, tags }]): object[] =>
        view === 'plain' ? values.map((value) => ({ id, value })) : [{ id, value: [...tags].sort(), version: String(version) }],
      ),
    );
  }

  async #with<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect();
    try {
      return await work(client);
    } finally {
      client.release();
    }
  }
}

/** Rows as texts, with their members and lists in one order. */
function sorted(rows: readonly object[]): readonly string[] {
  return rows
    .map((row) => {
      const members = Object.entries(row).map(([name, value]) => [name, Array.isArray(value) ? [...value].sort() : value]);
      return JSON.stringify(Object.fromEntries(members.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))));
    })
    .filter((row) => !row.includes('"id":"tags"'))
    .sort();
}

/** The step on the database, as HAPI does it, and on the state. */
async function apply(
  client: pg.PoolClient,
  state: Map<Id, Known>,
  step: Extract<Step, { writer: Writer; id: Id }>,
): Promise<void> {
  const { id } = step;
  const known = state.get(id);
  switch (step.kind) {
    case 'put': {
      const { outcome } = await putResource(client, { type: 'Basic', id, json: json(step.values) });
      if (outcome === 'unchanged') return;
      state.set(id, { values: step.values, version: (known?.version ?? 0) + 1, tags: known?.tags ?? new Set(), deleted: false });
      return;
    }
    case 'delete':
      if (known === undefined || known.deleted) return;
      await deleteResource(client, 'Basic', id);
      state.set(id, { ...known, version: known.version + 1, deleted: true });
      return;
    case 'expunge': {
      if (known === undefined) return;
      const { rows } = await client.query(`select res_id from hfj_resource where res_type = 'Basic' and fhir_id = $1`, [id]);
      for (const table of ['hfj_res_tag', 'hfj_res_ver', 'hfj_resource'])
        await client.query(`delete from ${table} where res_id = $1`, [rows[0].res_id]);
      state.delete(id);
      return;
    }
    case 'tag':
      if (known === undefined || known.deleted || known.tags.has(step.tag)) return;
      await metaAdd(client, 'Basic', id, { system: 'urn:model', code: step.tag });
      state.set(id, { ...known, tags: new Set([...known.tags, step.tag]) });
      return;
    case 'untag':
      if (known === undefined || !known.tags.has(step.tag)) return;
      await client.query(
        `delete from hfj_res_tag t using hfj_tag_def d, hfj_resource r where d.tag_id = t.tag_id and d.tag_code = $2
           and r.res_id = t.res_id and r.res_type = 'Basic' and r.fhir_id = $1`,
        [id, step.tag],
      );
      state.set(id, { ...known, tags: new Set([...known.tags].filter((tag) => tag !== step.tag)) });
  }
}

function json(values: readonly string[]): Record<string, unknown> {
  return { resourceType: 'Basic', code: { coding: values.map((code) => ({ code })) } };
}
