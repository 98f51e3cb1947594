import sql, { type Sql } from 'sql-template-tag';
import { table } from '../tables.ts';

/** The first schema of the catalog: one statement each. */
export function initial(schema: string): readonly Sql[] {
  return [
    sql`create table ${table(schema, '_definition')} (
      name text primary key check (name ~ '^[A-Za-z][A-Za-z0-9_]{0,62}$'),
      version integer not null default 1,
      builtin boolean not null,
      title text,
      resource text not null,
      definition json not null,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now())`,

    // One row per materialized view, from the beginning of its first build until it is dropped.
    sql`create table ${table(schema, '_view')} (
      name text primary key check (name ~ '^[A-Za-z][A-Za-z0-9_]{0,62}$'),
      resource text not null,
      auto_refresh_enabled boolean not null default true,
      refresh_interval_hours double precision not null default 24 check (refresh_interval_hours > 0),
      query_count bigint not null default 0,
      generation bigint,
      relation text,
      plan_hash text,
      as_of timestamptz,
      built_from timestamptz,
      last_refreshed_at timestamptz,
      row_count bigint,
      resource_count bigint,
      size_bytes bigint,
      quarantined integer not null default 0,
      indexes jsonb not null default '[]',
      last_error text,
      lock_key integer not null)`,

    // Tables that builds made or were about to make: what a killed worker left behind is found here.
    sql`create table ${table(schema, '_generation')} (
      id bigint generated always as identity primary key,
      view text not null,
      relation text not null,
      created_at timestamptz not null default now())`,
    sql`create index on ${table(schema, '_generation')} (view)`,

    sql`create table ${table(schema, '_refresh')} (
      id bigint generated always as identity primary key,
      view text not null,
      started_at timestamptz not null default clock_timestamp(),
      ended_at timestamptz,
      mode text not null,
      reason text not null,
      outcome text not null default 'running' check (outcome in ('running', 'succeeded', 'failed', 'cancelled', 'abandoned')),
      rows bigint,
      resources bigint,
      quarantined bigint,
      error text)`,
    sql`create index on ${table(schema, '_refresh')} (view, id desc)`,
    // Two refreshes of a view never overlap; the advisory lock sees to it, and this would show it if it did not.
    sql`create unique index on ${table(schema, '_refresh')} (view) where outcome = 'running'`,

    sql`create table ${table(schema, '_quarantine')} (
      view text not null,
      res_id bigint not null,
      res_ver bigint not null,
      code text not null,
      message text not null,
      seen_at timestamptz not null default now(),
      primary key (view, res_id))`,

    sql`create table ${table(schema, '_runner_statistics')} (
      one boolean primary key default true check (one),
      total_queries bigint not null default 0,
      materialized_queries bigint not null default 0,
      postgres_fallbacks bigint not null default 0,
      cache_hits bigint not null default 0,
      execution_ms double precision not null default 0)`,
    sql`insert into ${table(schema, '_runner_statistics')} default values`,
  ];
}
