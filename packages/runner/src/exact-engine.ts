import { compileToSql, decodeSqlError } from '@viewmill/backend-sql';
import { generationTables, type Served } from '@viewmill/catalog';
import { ident, ViewmillError } from '@viewmill/contracts';
import {
  type CompressedTexts,
  changedSince,
  compressedResources,
  currentKeys,
  currentResources,
  differingKeys,
  type HapiLayout,
  isCompressedMissing,
  isEverything,
  liveState,
  restrictedIds,
  restrictToIds,
  restrictToUpdated,
  sourceKey,
  sourceState,
} from '@viewmill/fhir-source';
import type { Column, ViewPlan } from '@viewmill/views';
import type { PoolClient } from 'pg';
import type { Sql } from 'sql-template-tag';
import sql, { empty, join } from 'sql-template-tag';
import { findBadValue } from './bad-value.ts';
import { countRows, type PageRequest, readPage } from './page.ts';
import type { PostgresEngine } from './postgres-engine.ts';
import type { Reader } from './reader.ts';
import { type Answered, type Engine, type EngineMeta, type Question, streamTo } from './run.ts';
import { translate } from './session.ts';
import type { ServedLookup } from './view-runner.ts';

/**
 * Answers with what a full computation at the statement's snapshot would give, at nearly the cost of reading the generation: its rows
 * of unchanged resources, united with rows computed for the changed ones, in one statement. The generation, the watermark of live
 * capture and the resources are read in one snapshot, so they belong together, whatever is refreshed meanwhile.
 * @throws ViewmillError VM2006 if no generation can be used: the resources themselves can answer.
 */
export function exactEngine(
  source: Reader,
  layout: HapiLayout,
  catalog: ServedLookup,
  postgres: PostgresEngine,
): Omit<Engine, 'kind'> {
  async function usable(client: PoolClient, { name, plan }: Question['view']): Promise<Served> {
    const served = name === null ? null : await catalog.served(client, name);
    if (served === null) throw new ViewmillError('VM2006', `${name ?? 'an inline view'} is not materialized`);
    if (served.basis?.planHash !== plan.hash || served.basis.sourceKey !== (await sourceKey(client, layout)))
      throw new ViewmillError('VM2006', `${name} is materialized from another definition or source`);
    return served;
  }

  /** Which resources have to be computed, as a relation `res_id`, and how that is known. */
  async function changes(client: PoolClient, plan: ViewPlan, { basis, generation }: Served): Promise<{ ids: Sql; how: string }> {
    const live = await liveState(client, catalog.schema, layout);
    if (live !== null && basis?.live?.epoch === live.epoch) {
      const noted = changedSince(catalog.schema, plan.resource, basis.live.xmin);
      const { rows } = await client.query<{ n: number; least: string | null }>(
        sql`select count(*)::int as n, min(res_id) as least from (${noted}) c`,
      );
      const { n, least } = rows[0] ?? { n: 0, least: null };
      if (least === null || !isEverything(least)) return { ids: noted, how: `${n} noted by live capture computed anew` };
    }
    const { versions } = generationTables(catalog.schema, generation.relation);
    const keys = currentKeys(layout, plan.resource, plan.needs);
    return { ids: sql`select res_id from (${differingKeys(keys, versions, layout, plan.needs)}) k`, how: 'all keys compared' };
  }

  async function run<T>(
    question: Question,
    work: (client: PoolClient, request: PageRequest, meta: EngineMeta) => Promise<T>,
  ): Promise<Answered<T>> {
    const { plan } = question.view;
    const narrowed = await postgres.narrow(question).catch((error: unknown) => {
      throw translate(error);
    });
    const attempt = (unpack: boolean): Promise<Answered<T>> =>
      source.read(
        question.deadline,
        'present',
        async (client, where, present) => {
          const asOf = present ?? (await sourceState(client)).asOf;
          const served = await usable(client, question.view);
          const { ids, how } = await changes(client, plan, served);
          const texts = unpack ? await compressedResources(client, layout, plan.resource, sql`r.res_id in (${ids})`) : undefined;
          const table = ident(catalog.schema, served.generation.relation);
          const rows = united(plan, table, ids, computed(plan, layout, narrowed, texts));
          const reason = `read from generation ${served.generation.id}, ${how}${where}`;
          const meta: EngineMeta = { runner: 'materialized', reason, as_of: asOf, is_stale: false };
          const request = { plan, search: question.search, rows, conditions: conditionsOf(question, layout) };
          return { answer: await work(client, request, meta), meta };
        },
        question.signal,
      );
    try {
      return await attempt(false).catch((error: unknown) => {
        if (!isCompressedMissing(error)) throw error;
        return attempt(true);
      });
    } catch (error) {
      if (error instanceof ViewmillError) throw error;
      throw (await findBadValue(source.primary, error, question.search, question.from)) ?? decodeSqlError(error) ?? error;
    }
  }

  return {
    page: (question) => run(question, (client, request) => readPage(client, request, question.limit, question.from)),
    count: (question) => run(question, countRows),
    stream: (question, request) => run(question, streamTo(question, request)),
  };
}

/** What `_id` and `_lastUpdated` ask of HAPI's tables; the view's own columns are compared beside. */
function conditionsOf({ view: { plan }, search }: Question, layout: HapiLayout): Sql[] {
  const restricted = (restriction: Sql): Sql => sql`q.res_id in (${restrictedIds(layout, plan.resource, restriction)})`;
  return [
    ...search.ids.map((ids) => restricted(restrictToIds(layout, plan.resource, ids))),
    ...search.updated.map(({ operator, range }) => restricted(restrictToUpdated(layout, operator, range))),
  ];
}

/** An array, not a join: the planner expects ten ids and goes by index, where it would guess half of the table for a comparison of keys. */
function computed(plan: ViewPlan, layout: HapiLayout, narrowed: Sql | undefined, texts: CompressedTexts | undefined): Sql {
  const changed = sql`r.res_id = any (array(select c.res_id from changed c))`;
  const restriction = narrowed === undefined ? changed : sql`${changed} and (${narrowed})`;
  return compileToSql(plan, currentResources(layout, plan.resource, plan.needs, restriction, texts), { ordinal: true }).rows;
}

/** Both branches must agree on collations, or the union has none. */
function united(plan: ViewPlan, table: Sql, ids: Sql, rows: Sql): Sql {
  const columns = (of: (column: Column) => Sql): Sql =>
    join(
      plan.columns.map((column) => sql`, ${of(column)}`),
      '',
    );
  const kept = columns(({ name }) => sql`g.${ident(name)}`);
  const fresh = columns(
    ({ name, sqlType }) => sql`f.${ident(name)}${/^text\b/.test(sqlType) ? sql` collate "C"` : empty} as ${ident(name)}`,
  );
  return sql`(with changed as materialized (${ids})
    select g.res_id, g.ordinal${kept} from ${table} g where not exists (select from changed c where c.res_id = g.res_id)
    union all
    select f.res_id, f.ordinal${fresh} from (${rows}) f)`;
}
