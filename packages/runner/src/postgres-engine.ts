import { compileToSql, decodeSqlError } from '@viewmill/backend-sql';
import { ViewmillError } from '@viewmill/contracts';
import {
  type CompressedTexts,
  compressedResources,
  currentResources,
  type HapiLayout,
  isCompressedMissing,
  restrictToIds,
  restrictToMentions,
  restrictToTargets,
  restrictToUpdated,
  sourceState,
} from '@viewmill/fhir-source';
import type { Column } from '@viewmill/views';
import type { PoolClient } from 'pg';
import type { Sql } from 'sql-template-tag';
import sql, { join } from 'sql-template-tag';
import { findBadValue } from './bad-value.ts';
import { isIdColumn, referenceColumn } from './columns.ts';
import { indexedConditions } from './indexed-conditions.ts';
import { linkCoverages } from './link-coverages.ts';
import { countRows, type PageRequest, readPage } from './page.ts';
import type { Reader } from './reader.ts';
import { type Answered, type Engine, type EngineMeta, type Question, streamTo } from './run.ts';
import type { ResolvedSearch } from './search-conditions.ts';
import { before, translate } from './session.ts';

export interface PostgresEngine extends Engine {
  /**
   * A condition for `currentResources` that the search implies; undefined if there is none. Where the answer has to be exact, no index
   * is asked whose completeness was proved at another time than that of the query.
   */
  narrow(question: Question): Promise<Sql | undefined>;
}

/** Answers from the resources themselves, as they are now: the plan as SQL over HAPI's tables. */
export function postgresEngine(source: Reader, layout: HapiLayout): PostgresEngine {
  const coverage = linkCoverages(source.primary, layout);
  const indexed = indexedConditions(source.primary, layout);
  /** Types that were seen to have gzipped resources: those are read first, instead of failing first. */
  const compressedTypes = new Set<string>();

  /** What HAPI's own indexes can narrow; the view's columns are compared as well. */
  async function restriction({ view: { plan }, search, deadline, freshness }: Question): Promise<Sql | undefined> {
    const conditions = [
      ...search.ids.map((ids) => restrictToIds(layout, plan.resource, ids)),
      ...search.updated.map(({ operator, range }) => restrictToUpdated(layout, operator, range)),
    ];
    for (const { column, ids } of keyConditions(search)) {
      if (isIdColumn(plan, column)) {
        conditions.push(restrictToIds(layout, plan.resource, ids));
        continue;
      }
      const reference = referenceColumn(plan, column);
      if (reference === null) continue;
      const mentions = freshness === 'any' ? undefined : restrictToMentions(layout, ids);
      if (mentions !== undefined) conditions.push(mentions);
      if (freshness !== 'any') continue;
      const covered = await before(deadline, coverage(plan.resource, reference.element));
      if (covered !== null) conditions.push(restrictToTargets(layout, plan.resource, covered, reference.targetType, ids));
    }
    if (freshness === 'any') conditions.push(...(await before(deadline, indexed(plan, search.columns, conditions.length > 0))));
    return conditions.length === 0 ? undefined : join(conditions, ' and ');
  }

  async function run<T>(
    question: Question,
    work: (client: PoolClient, request: PageRequest, meta: EngineMeta) => Promise<T>,
  ): Promise<Answered<T>> {
    const { plan } = question.view;
    const narrowed = await restriction(question).catch((error: unknown) => {
      throw translate(error);
    });
    const attempt = (): Promise<Answered<T>> =>
      source.read(
        question.deadline,
        'present',
        async (client, where, present) => {
          const asOf = present ?? (await sourceState(client)).asOf;
          const texts: CompressedTexts | undefined = compressedTypes.has(plan.resource)
            ? await compressedResources(client, layout, plan.resource, narrowed)
            : undefined;
          const relation = currentResources(layout, plan.resource, plan.needs, narrowed, texts);
          const { rows } = compileToSql(plan, relation, { ordinal: true });
          const request = { plan, search: question.search, rows: sql`(${rows})`, conditions: [] };
          const reason = `computed from the resources${where}`;
          const meta: EngineMeta = { runner: 'postgres', reason, as_of: asOf, is_stale: false };
          return { answer: await work(client, request, meta), meta };
        },
        question.signal,
      );
    try {
      try {
        return await attempt();
      } catch (error) {
        if (!isCompressedMissing(error)) throw error;
        compressedTypes.add(plan.resource);
        return await attempt();
      }
    } catch (error) {
      if (error instanceof ViewmillError) throw error;
      throw (await findBadValue(source.primary, error, question.search, question.from)) ?? decodeSqlError(error) ?? error;
    }
  }

  return {
    kind: 'postgres',
    narrow: restriction,
    page: (question) => run(question, (client, request) => readPage(client, request, question.limit, question.from)),
    count: (question) => run(question, countRows),
    stream: (question, request) => run(question, streamTo(question, request)),
  };
}

/** Columns that must equal one of some keys. */
function keyConditions({ patients, columns }: ResolvedSearch): { readonly column: Column; readonly ids: readonly string[] }[] {
  const equal = columns.filter(({ operator }) => operator === 'eq' || operator === 'in');
  return [...patients, ...equal.map(({ column, values }) => ({ column, ids: values }))];
}
