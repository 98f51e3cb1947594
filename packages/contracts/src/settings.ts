import { z } from 'zod';
import { ViewmillError } from './errors.ts';

const seconds = z.coerce.number().int().min(0);
const flag = z.enum(['true', 'false']).transform((text) => text === 'true');

const GROUP = /^\s*(\w+)\s*=\s*(\w+(?:\s*,\s*\w+)*)\s*$/;

/** The setting VIEW_GROUPS: views by the name of their group. */
export function viewGroups({ VIEW_GROUPS = '' }: Pick<Settings, 'VIEW_GROUPS'>): Readonly<Record<string, readonly string[]>> {
  const found = partsOf(VIEW_GROUPS).map((part) => {
    const [, name = '', list = ''] = GROUP.exec(part) ?? [];
    return [name, list.split(',').map((view) => view.trim())] as const;
  });
  return Object.fromEntries(found);
}

function partsOf(groups: string): readonly string[] {
  return groups.split(';').filter((part) => part.trim() !== '');
}

/** Every setting, by environment variable. Descriptions are the settings table of the README (a test holds both together). */
export const settingsSchema = z.object({
  DATABASE_URL: z.string().optional().describe('FHIR database (HAPI). Not set: an embedded PostgreSQL with demo data is started'),
  CATALOG_DATABASE_URL: z.string().optional().describe('Where schema sqlonfhir is kept, if not in the FHIR database'),
  DATABASE_READ_URLS: z
    .string()
    .optional()
    .describe(
      'Streaming replicas of the database with the views, comma separated: they answer where they are proved to be up to date',
    ),
  REDIS_URL: z
    .string()
    .optional()
    .describe(
      'Redis of the queue. Not set: `npm start` starts a redis-server found on PATH, else keeps the queue in an embedded PostgreSQL',
    ),
  QUEUE_DATABASE_URL: z
    .string()
    .optional()
    .describe('PostgreSQL that keeps the queue where there is no Redis, in the schema `<QUEUE_PREFIX>_queue`'),
  FHIR_SCHEMA: z.string().default('public').describe('Schema of the HAPI tables'),
  FHIR_TIME_ZONE: z.string().default('UTC').describe('Time zone of the HAPI server’s JVM, in which res_updated is written'),
  SQLONFHIR_SCHEMA: z.string().default('sqlonfhir').describe('Schema of the views and of the catalog'),
  READER_ROLE: z
    .string()
    .default('viewmill_reader')
    .describe('Role that may SELECT the views and nothing else; empty: no role is made'),
  VIEWDEF_RUNNER: z
    .enum(['hybrid', 'postgres', 'materialized', 'memory'])
    .default('hybrid')
    .describe('Which runner answers queries: `hybrid`, `postgres`, `materialized` (HAPI tables) or `memory`'),
  FHIR_BASE_URL: z.string().optional().describe('Runner `memory`: any FHIR R4 server, such as `https://example.org/fhir`'),
  FHIR_NDJSON_DIR: z.string().optional().describe('Runner `memory`: a folder of bulk-export files instead'),
  FHIR_AUTHORIZATION: z.string().optional().describe('Header `Authorization` for the FHIR server, such as `Bearer …`'),
  FHIR_CLIENT_ID: z.string().optional().describe('Client id of SMART Backend Services, instead of a fixed header'),
  FHIR_PRIVATE_KEY_FILE: z.string().optional().describe('File with the client’s private key, JWK or PEM'),
  FHIR_TOKEN_URL: z
    .string()
    .optional()
    .describe('Token endpoint. Not set: from `.well-known/smart-configuration` of the FHIR server'),
  FHIR_SCOPE: z.string().default('system/*.read').describe('Scope to ask the token endpoint for'),
  FHIR_PAGE_SIZE: z.coerce.number().int().min(1).default(500).describe('Resources to ask the FHIR server for at once'),
  HOST: z.string().default('127.0.0.1').describe('Address the API listens on'),
  PORT: z.coerce.number().int().min(0).max(65535).default(8087).describe('Port of the API; 0: any free one'),
  DATA_DIR: z.string().default('.viewmill').describe('Folder of the embedded PostgreSQL and Redis'),
  WORKER_CONCURRENCY: z.coerce.number().int().min(1).default(8).describe('Look-ups a worker runs at once'),
  HEAVY_CONCURRENCY: z.coerce.number().int().min(1).default(2).describe('Queries of many rows a worker runs at once, besides'),
  EXPORT_CONCURRENCY: z.coerce.number().int().min(1).default(1).describe('Exports a worker runs at once, besides'),
  QUERY_BATCH: z.coerce.number().int().min(1).default(64).describe('Look-ups that one job carries at most'),
  QUERY_QUEUE: z.coerce
    .number()
    .int()
    .min(1)
    .default(2000)
    .describe('Queries that may wait in an API, in each lane; more are answered 503'),
  CLIENT_QUEUE: z.coerce
    .number()
    .int()
    .min(1)
    .default(1000)
    .describe('As many of them may be of one client address; more are answered 429'),
  REFRESH_CONCURRENCY: z.coerce.number().int().min(1).default(1).describe('Refreshes a worker runs at once'),
  DATABASE_POOL_SHARE: z.coerce
    .number()
    .gt(0)
    .max(1)
    .default(0.5)
    .describe('Share of the PostgreSQL server’s connections (`max_connections` less the reserved ones) that one worker may take'),
  DATABASE_POOL_MAX: z.coerce
    .number()
    .int()
    .min(1)
    .optional()
    .describe('Connections of each of a worker’s pools, instead of what the share allows; at least 3 and 4 for each refresh'),
  SHARD_RESOURCES: z.coerce
    .number()
    .int()
    .min(0)
    .default(250_000)
    .describe(
      'Full builds of views with more resources are split into jobs of this many where there are several workers; 0: never',
    ),
  QUERY_TIMEOUT_SECONDS: seconds.default(30).describe('How long a query may wait and run before 503 or 504'),
  REFRESH_ATTEMPTS: z.coerce.number().int().min(1).default(5).describe('Attempts of a refresh before it is given up'),
  REFRESH_BACKOFF_MS: z.coerce
    .number()
    .int()
    .min(1)
    .default(2000)
    .describe('First delay between attempts, in milliseconds; doubles, with jitter'),
  JOB_KEEP_SECONDS: seconds.default(86400).describe('How long finished jobs can be looked up'),
  VIEW_GROUPS: z
    .string()
    .refine((text) => partsOf(text).every((part) => GROUP.test(part)), 'must be name=view,view; name=view')
    .optional()
    .describe('Views that are refreshed together, at one state of the source: `labs=observation_labs,patient_simple; …`'),
  SCHEDULES_ENABLED: flag.default(true).describe('Whether this system refreshes by itself'),
  REFRESH_STALE_CRON: z.string().default('0 * * * *').describe('When stale views are refreshed'),
  REFRESH_ALL_CRON: z.string().default('0 2 * * *').describe('When all views are refreshed'),
  LIVE_REFRESH_SECONDS: z.coerce
    .number()
    .min(0)
    .default(2)
    .describe(
      'With live capture: how long changes are gathered before their views are refreshed; 0: by schedule and request only',
    ),
  SCHEDULE_TIME_ZONE: z.string().default('UTC').describe('Time zone of the two schedules (IANA name)'),
  QUEUE_PREFIX: z.string().default('viewmill').describe('Prefix of the queue’s keys, for several systems on one Redis'),
  MAX_ROWS: z.coerce.number().int().min(1).default(100000).describe('Most rows that one query answers; further ones by cursor'),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info').describe('Log level'),
});

export type Settings = z.output<typeof settingsSchema>;

/**
 * Reads the settings from environment variables; an empty variable counts as not set, except READER_ROLE.
 * @throws ViewmillError VM3005 that names each wrong variable (never its value).
 */
export function readSettings(env: Readonly<Record<string, string | undefined>>): Settings {
  const given = Object.fromEntries(Object.entries(env).filter(([name, value]) => value !== '' || name === 'READER_ROLE'));
  const parsed = settingsSchema.safeParse(given);
  if (parsed.success) return parsed.data;
  const names = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new ViewmillError('VM3005', names.join('; '), { at: String(parsed.error.issues[0]?.path[0] ?? '') });
}
