import { refreshModeSchema, searchSchema } from '@viewmill/contracts';
import { z } from 'zod';

/** Response schemas: what /docs shows. They describe; rows pass through as text. */
export const viewStatusSchema = z.object({
  name: z.string(),
  resource: z.string(),
  status: z.enum(['active', 'stale', 'refreshing', 'failed']),
  is_stale: z.boolean(),
  staleness_hours: z.number().nullable(),
  last_refreshed_at: z.string().nullable(),
  as_of: z.string().nullable(),
  generation: z.number().nullable(),
  revision: z.number(),
  row_count: z.number().nullable(),
  size_bytes: z.number().nullable(),
  auto_refresh_enabled: z.boolean(),
  refresh_interval_hours: z.number(),
  query_count: z.number(),
  quarantined: z.number(),
  last_error: z.string().nullable(),
  indexes: z.array(z.object({ name: z.string(), columns: z.array(z.string()) })),
});

export const refreshRecordSchema = z.object({
  id: z.number(),
  view: z.string(),
  started_at: z.string(),
  ended_at: z.string().nullable(),
  mode: z.enum(['full', 'delta', 'live']),
  why: z.string().nullable(),
  changed: z.number().nullable(),
  reason: z.string(),
  outcome: z.enum(['running', 'succeeded', 'failed', 'cancelled', 'abandoned']),
  rows: z.number().nullable(),
  resources: z.number().nullable(),
  quarantined: z.number().nullable(),
  error: z.string().nullable(),
});

export const definitionSchema = z.object({
  name: z.string(),
  version: z.number(),
  builtin: z.boolean(),
  title: z.string().nullable(),
  resource: z.string(),
  definition: z.record(z.string(), z.unknown()),
  created_at: z.string(),
  updated_at: z.string(),
});

export const jobSchema = z.object({
  id: z.string(),
  name: z.string(),
  state: z.string(),
  progress: z.unknown(),
  result: z.unknown(),
  error: z.unknown(),
  attempts: z.number(),
  enqueued_at: z.string().nullable(),
  started_at: z.string().nullable(),
  finished_at: z.string().nullable(),
});

export const acceptedSchema = z.object({
  job: z.string(),
  /** True: the same work was waiting already, and this is its job. */
  joined: z.boolean(),
  state: z.string(),
  result: z.unknown().optional(),
  error: z.unknown().optional(),
});

export const metaSchema = z.object({
  runner: z.enum(['materialized', 'postgres', 'memory']),
  reason: z.string(),
  as_of: z.string().nullable(),
  is_stale: z.boolean(),
  rows: z.number(),
  queue_ms: z.number(),
  database_ms: z.number(),
});

export const rowsSchema = z.object({
  columns: z.array(z.string()),
  rows: z.array(z.record(z.string(), z.unknown())),
  next: z.string().nullable(),
  meta: metaSchema,
});

export const columnSchema = z.object({
  name: z.string(),
  type: z.string(),
  sqlType: z.string(),
  description: z.string().nullable(),
  collection: z.boolean(),
});

export const nameParams = z.object({ name: z.string().regex(/^[A-Za-z][A-Za-z0-9_]{0,62}$/, 'must be the name of a view') });
export const waitQuery = z.object({ wait: z.string().optional().describe('how long to wait for the job, e.g. 10s') });
export const refreshQuery = waitQuery.extend({
  mode: refreshModeSchema
    .optional()
    .describe('auto: what changed (default); delta: the same without live capture; full: every resource is read'),
});
export const searchBody = searchSchema.partial().optional();

export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number(),
    code: z.string(),
    detail: z.string(),
    help: z.string(),
    at: z.string().optional(),
    diagnostics: z.array(z.unknown()).optional(),
    fault: z.string().optional(),
  })
  .describe('Problem details (RFC 9457)');
