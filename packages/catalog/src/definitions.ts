import { type StoredDefinition, ViewmillError } from '@viewmill/contracts';
import sql from 'sql-template-tag';
import { announce } from './changes.ts';
import { type CatalogPlace, inTransaction, type Queryable } from './queryable.ts';
import { table } from './tables.ts';

/** A ViewDefinition to be stored: valid, its name fit for a view. */
export interface NewDefinition {
  readonly name: string;
  readonly definition: Readonly<Record<string, unknown>>;
  readonly resource: string;
  readonly title: string | null;
}

export interface Definitions {
  /** By name. */
  listDefinitions(): Promise<readonly StoredDefinition[]>;
  /** @throws ViewmillError VM2002 */
  getDefinition(name: string): Promise<StoredDefinition>;
  /**
   * Stores a definition; an equal one keeps its version.
   * @throws ViewmillError VM2003 (create: exists), VM2002 (update: does not exist), VM2005 (built-in, unless `builtin` is given)
   */
  putDefinition(definition: NewDefinition & { readonly builtin?: boolean }, mode: 'create' | 'update'): Promise<StoredDefinition>;
  /** @throws ViewmillError VM2002, VM2005, VM2008 (it is materialized) */
  deleteDefinition(name: string): Promise<void>;
  /**
   * Stores the views that come with the program and removes built-in ones that it no longer brings, unless they are materialized.
   * A user's view of the same name stays what it is.
   */
  installBuiltIns(list: readonly NewDefinition[]): Promise<void>;
}

interface DefinitionRow {
  readonly name: string;
  readonly version: number;
  readonly builtin: boolean;
  readonly title: string | null;
  readonly resource: string;
  readonly definition: Readonly<Record<string, unknown>>;
  readonly created_at: Date;
  readonly updated_at: Date;
}

const COLUMNS = sql`name, version, builtin, title, resource, definition, created_at, updated_at`;

export function definitions({ pool, schema }: CatalogPlace): Definitions {
  const definitionTable = table(schema, '_definition');
  const viewTable = table(schema, '_view');

  async function find(client: Queryable, name: string): Promise<StoredDefinition | null> {
    const { rows } = await client.query<DefinitionRow>(sql`select ${COLUMNS} from ${definitionTable} where name = ${name}`);
    return rows[0] === undefined ? null : toStored(rows[0]);
  }

  /** Inserts, or raises the version if something differs. Concurrent writers wait for each other. */
  async function write(
    client: Queryable,
    { name, definition, resource, title }: NewDefinition,
    builtin: boolean,
  ): Promise<StoredDefinition> {
    const text = JSON.stringify(definition);
    const { rows } = await client.query<DefinitionRow>(sql`
      insert into ${definitionTable} as d (name, builtin, title, resource, definition) values (${name}, ${builtin}, ${title}, ${resource}, ${text}::json)
      on conflict (name) do update
        set version = d.version + 1, builtin = excluded.builtin, title = excluded.title, resource = excluded.resource,
            definition = excluded.definition, updated_at = now()
        where d.definition::jsonb <> excluded.definition::jsonb
      returning ${COLUMNS}`);
    const written = rows[0];
    if (written === undefined) {
      const unchanged = await find(client, name);
      if (unchanged === null) throw new Error('a definition vanished while the table was locked');
      return unchanged;
    }
    await announce(client, schema, name);
    return toStored(written);
  }

  return {
    async listDefinitions() {
      const { rows } = await pool.query<DefinitionRow>(sql`select ${COLUMNS} from ${definitionTable} order by name`);
      return rows.map(toStored);
    },
    async getDefinition(name) {
      const found = await find(pool, name);
      if (found === null) throw unknown(name);
      return found;
    },
    putDefinition({ builtin = false, ...definition }, mode) {
      const { name } = definition;
      return inTransaction(pool, async (client) => {
        // Held to the end, so that two creators of a name cannot both find it free.
        await client.query(sql`lock table ${definitionTable} in share row exclusive mode`);
        const known = await find(client, name);
        if (mode === 'update' && known === null) throw unknown(name);
        if (known?.builtin === true && !builtin) throw unchangeable(name);
        if (mode === 'create' && known !== null)
          throw new ViewmillError('VM2003', `there is a view ${name} already`, { at: name });
        return write(client, definition, builtin);
      });
    },
    deleteDefinition(name) {
      return inTransaction(pool, async (client) => {
        const known = await find(client, name);
        if (known === null) throw unknown(name);
        if (known.builtin) throw unchangeable(name);
        // A first build that failed leaves a row without a generation: that is no reason to keep the definition.
        await client.query(sql`delete from ${viewTable} where name = ${name} and generation is null`);
        const { rowCount } = await client.query(sql`
          delete from ${definitionTable} where name = ${name} and not exists (select from ${viewTable} v where v.name = ${name})`);
        if (rowCount === 0)
          throw new ViewmillError('VM2008', `${name} is materialized: drop the materialized view first`, { at: name });
        await announce(client, schema, name);
      });
    },
    installBuiltIns(list) {
      return inTransaction(pool, async (client) => {
        await client.query(sql`lock table ${definitionTable} in share row exclusive mode`);
        const { rows } = await client.query<{ name: string }>(sql`select name from ${definitionTable} where not builtin`);
        const taken = new Set(rows.map(({ name }) => name));
        for (const definition of list) if (!taken.has(definition.name)) await write(client, definition, true);
        await client.query(sql`
          delete from ${definitionTable} d where d.builtin and d.name <> all (${list.map(({ name }) => name)}::text[])
            and not exists (select from ${viewTable} v where v.name = d.name)`);
      });
    },
  };
}

function toStored({ created_at, updated_at, ...row }: DefinitionRow): StoredDefinition {
  return { ...row, created_at: created_at.toISOString(), updated_at: updated_at.toISOString() };
}

function unknown(name: string): ViewmillError {
  return new ViewmillError('VM2002', `there is no view ${name}`, { at: name });
}

function unchangeable(name: string): ViewmillError {
  return new ViewmillError('VM2005', `${name} is a built-in view`, { at: name });
}
