import { ident, ViewmillError } from '@viewmill/contracts';
import { type HapiLayout, restrictedIds, restrictToIds, restrictToUpdated } from '@viewmill/fhir-source';
import type { PoolClient } from 'pg';
import type { Sql } from 'sql-template-tag';
import sql from 'sql-template-tag';
import { findBadValue } from './bad-value.ts';
import { idColumn } from './columns.ts';
import type { Generations } from './generations.ts';
import { countRows, type PageRequest, readPage } from './page.ts';
import type { Proof, Reader } from './reader.ts';
import { type Answered, type Engine, type EngineMeta, type Question, streamTo } from './run.ts';
import { columnOf, invalid } from './search-conditions.ts';
import { errorCode, translate } from './session.ts';
import type { MaterializedView } from './view-runner.ts';

export interface MaterializedEngine extends Engine {
  /** The generation that can answer, or why there is none. */
  find(question: Question): Promise<MaterializedView | ViewmillError>;
}

/** Answers from the view's generation table. */
export function materializedEngine(
  target: Reader,
  schema: string | undefined,
  layout: HapiLayout,
  generations: Generations,
  sameDatabase: () => Promise<boolean>,
): MaterializedEngine {
  async function usable({ view: { name, plan } }: Question, fresh: boolean): Promise<MaterializedView | ViewmillError> {
    if (name === null) return new ViewmillError('VM2006', 'an inline ViewDefinition is not materialized');
    // A replica must have what is published now, not what is remembered.
    const current = await generations.current(name, fresh || target.hasReplicas).catch(fail);
    if (current === null) return new ViewmillError('VM2006', `${name} is not materialized`, { at: name });
    if (current.planHash === plan.hash) return current;
    return new ViewmillError('VM2006', `${name} is materialized from another version of its definition`, { at: name });
  }

  /** HAPI's own columns are not in the generation; next to HAPI's tables they can be asked for. */
  async function unanswerable({ view: { plan }, search }: Question): Promise<ViewmillError | null> {
    const needsTables = search.updated.length > 0 || (search.ids.length > 0 && idColumn(plan) === undefined);
    if (!needsTables || (await sameDatabase().catch(fail))) return null;
    return invalid(
      search.updated.length > 0 ? '_lastUpdated' : '_id',
      'cannot be answered from a materialized view that is kept apart from the FHIR database',
    );
  }

  async function find(question: Question): Promise<MaterializedView | ViewmillError> {
    const view = await usable(question, false);
    return view instanceof ViewmillError ? view : ((await unanswerable(question)) ?? view);
  }

  function sourceConditions({ view: { plan }, search }: Question): Sql[] {
    const id = idColumn(plan);
    const restricted = (restriction: Sql): Sql => sql`q.res_id in (${restrictedIds(layout, plan.resource, restriction)})`;
    return [
      ...search.ids.map((ids) =>
        id === undefined ? restricted(restrictToIds(layout, plan.resource, ids)) : sql`${columnOf(id)} = any (${ids}::text[])`,
      ),
      ...search.updated.map(({ operator, range }) => restricted(restrictToUpdated(layout, operator, range))),
    ];
  }

  /** Generations count up, and revisions within one: what is published can be compared, in the snapshot that is read. */
  function proofOf({ view: { name }, ...question }: Question, { generation, revision }: MaterializedView): Proof {
    if (schema === undefined || revision === undefined) return 'primary';
    // HAPI's tables are joined, as they are now.
    if (question.search.updated.length > 0 || question.search.ids.length > 0) return 'present';
    return sql`exists (select from ${ident(schema, '_view')} where name = ${name}
      and (generation, revision) >= (${generation}::bigint, ${revision}::bigint))`;
  }

  async function run<T>(
    question: Question,
    work: (client: PoolClient, request: PageRequest, meta: EngineMeta) => Promise<T>,
  ): Promise<Answered<T>> {
    const { plan } = question.view;
    const attempt = async (view: MaterializedView | ViewmillError): Promise<Answered<T>> => {
      if (view instanceof ViewmillError) throw view;
      const request = { plan, search: question.search, rows: view.relation, conditions: sourceConditions(question) };
      return target.read(
        question.deadline,
        proofOf(question, view),
        async (client, where) => {
          const reason = `read from generation ${view.generation}${where}`;
          const meta: EngineMeta = { runner: 'materialized', reason, as_of: view.asOf, is_stale: view.isStale };
          return { answer: await work(client, request, meta), meta };
        },
        question.signal,
      );
    };
    const view = question.found ?? (await find(question));
    try {
      return await attempt(view).catch(async (error: unknown) => {
        // A refresh swapped the generation between the look-up and the read.
        if (errorCode(error) === '42P01') return attempt(await usable(question, true));
        throw error;
      });
    } catch (error) {
      if (error instanceof ViewmillError) throw error;
      throw (await findBadValue(target.primary, error, question.search, question.from)) ?? error;
    }
  }

  return {
    kind: 'materialized',
    find,
    page: (question) => run(question, (client, request) => readPage(client, request, question.limit, question.from)),
    count: (question) => run(question, countRows),
    stream: (question, request) => run(question, streamTo(question, request)),
  };
}

function fail(error: unknown): never {
  throw translate(error);
}
