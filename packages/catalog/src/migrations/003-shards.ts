import sql, { type Sql } from 'sql-template-tag';
import { table } from '../tables.ts';

/** Generations that are built by ranges of resources, and which ranges are done. Both go with their generation. */
export function shards(schema: string): readonly Sql[] {
  return [
    sql`create table ${table(schema, '_sharded')} (
      generation bigint primary key references ${table(schema, '_generation')} (id) on delete cascade,
      view text not null unique,
      refresh bigint not null,
      plan_hash text not null,
      source_key text not null,
      why text not null,
      indexes jsonb,
      total jsonb)`,
    sql`create table ${table(schema, '_shard')} (
      generation bigint not null references ${table(schema, '_sharded')} (generation) on delete cascade,
      shard integer not null,
      low bigint,
      high bigint,
      rows bigint,
      resources bigint,
      quarantined bigint,
      quarantine jsonb,
      done_at timestamptz,
      primary key (generation, shard))`,
  ];
}
