import { ident } from '@viewmill/contracts';
import type { Sql } from 'sql-template-tag';
import sql, { raw } from 'sql-template-tag';
import { type HapiLayout, hapiTable } from '../layout.ts';

/** All that live capture adds to HAPI's tables: triggers with these names. */
export const TRIGGERS = {
  written: 'viewmill_capture_written',
  updated: 'viewmill_capture_updated',
  truncated: 'viewmill_capture_truncated',
  tagged: 'viewmill_capture_tagged',
} as const;

/** Stands for every resource: the table was truncated. */
export const ANY_RESOURCE = -1;
const ANY_TYPE = '*';

export function outboxTable(schema: string): Sql {
  return ident(schema, '_outbox');
}

export function captureFunction(schema: string): Sql {
  return ident(schema, '_capture');
}

/** The channel of NOTIFY; the payload is a resource type, or `*`. */
export function liveChannel(schema: string): string {
  return `${schema}_live`.slice(-63);
}

/** Resource types of entries that concern the type. */
export function concerns(resourceType: string): Sql {
  return sql`o.res_type in (${resourceType}, ${ANY_TYPE})`;
}

/**
 * The outbox, outside of which nothing of ours is in HAPI's way. No key and no unique index: writers never wait for each other on it.
 * The function folds repeats: an entry of an earlier transaction is moved to this one, unless another transaction holds it (then a
 * second entry is written). An entry's transaction only ever grows older readers' sight: whoever did not see the change before
 * has a lower watermark than the entry, whichever transaction it names of those that were running. It is `security definer` because
 * HAPI's role has no rights in our schema.
 * @param grantTo Viewmill's role, if it is another one that makes all this.
 */
export function outboxStatements(schema: string, grantTo: string | null): readonly Sql[] {
  const outbox = outboxTable(schema);
  const channel = raw(`'${liveChannel(schema).replaceAll("'", "''")}'`);
  return [
    sql`create table if not exists ${outbox} (res_id bigint not null, res_type text not null, xid xid8 not null)
      with (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000)`,
    sql`create index if not exists _outbox_res_id on ${outbox} (res_id)`,
    sql`create or replace function ${captureFunction(schema)}() returns trigger language plpgsql security definer
      set search_path = pg_catalog, pg_temp as ${raw('$capture$')}
      declare
        id bigint;
        kind text;
        this xid8 := pg_current_xact_id();
      begin
        if tg_op = 'TRUNCATE' then
          id := ${raw(String(ANY_RESOURCE))};
          kind := ${raw(`'${ANY_TYPE}'`)};
        elsif tg_op = 'DELETE' then
          id := old.res_id;
          kind := old.res_type;
        else
          id := new.res_id;
          kind := new.res_type;
        end if;
        if exists (select from ${outbox} o where o.res_id = id and o.xid = this) then
          return null;
        end if;
        if current_setting('transaction_isolation') = 'read committed' then
          update ${outbox} set xid = this
            where ctid = (select o.ctid from ${outbox} o where o.res_id = id limit 1 for update skip locked);
        end if;
        if not found then
          insert into ${outbox} (res_id, res_type, xid) values (id, kind, this);
        end if;
        perform pg_notify(${channel}, kind);
        return null;
      end ${raw('$capture$')}`,
    sql`comment on function ${captureFunction(schema)}() is 'Viewmill live capture: notes changed resources; removed by: viewmill live disable'`,
    ...(grantTo === null
      ? []
      : [
          sql`grant usage, create on schema ${ident(schema)} to ${ident(grantTo)}`,
          sql`grant select, update, delete on ${outbox} to ${ident(grantTo)}`,
        ]),
  ];
}

/**
 * Each takes a lock that waits for running writers and lets none in between: after the commit, every change that is not yet visible
 * passes through the triggers. They fire always, also in sessions that load data with `session_replication_role = replica`.
 * @param epoch differs at each enabling: what was captured before a gap must not be taken for everything.
 */
export function triggerStatements(schema: string, layout: HapiLayout, epoch: string): readonly Sql[] {
  const call = sql`execute function ${captureFunction(schema)}(${raw(`'${epoch.replaceAll("'", '')}'`)})`;
  const resource = hapiTable(layout, 'hfj_resource');
  const tag = hapiTable(layout, 'hfj_res_tag');
  const watched = ['res_ver', 'res_deleted_at', 'res_type', ...(layout.fhirId ? ['fhir_id'] : [])];
  const moved = raw(watched.map((column) => `old.${column} is distinct from new.${column}`).join(' or '));
  const always = (table: Sql, name: string): Sql => sql`alter table ${table} enable always trigger ${ident(name)}`;
  return [
    sql`create trigger ${ident(TRIGGERS.written)} after insert or delete on ${resource} for each row ${call}`,
    sql`create trigger ${ident(TRIGGERS.updated)} after update on ${resource} for each row when (${moved}) ${call}`,
    sql`create trigger ${ident(TRIGGERS.truncated)} after truncate on ${resource} for each statement ${call}`,
    always(resource, TRIGGERS.written),
    always(resource, TRIGGERS.updated),
    always(resource, TRIGGERS.truncated),
    ...(layout.tags
      ? [
          sql`create trigger ${ident(TRIGGERS.tagged)} after insert or update or delete on ${tag} for each row ${call}`,
          always(tag, TRIGGERS.tagged),
        ]
      : []),
  ];
}

/** Tables with triggers, and which. */
export function triggersOf(layout: HapiLayout): readonly { readonly table: Sql; readonly names: readonly string[] }[] {
  const { tagged, ...onResource } = TRIGGERS;
  return [
    { table: hapiTable(layout, 'hfj_resource'), names: Object.values(onResource) },
    ...(layout.tags ? [{ table: hapiTable(layout, 'hfj_res_tag'), names: [tagged] }] : []),
  ];
}
