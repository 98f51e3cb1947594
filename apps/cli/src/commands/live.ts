import { createCatalog } from '@viewmill/catalog';
import { type Settings, ViewmillError } from '@viewmill/contracts';
import { detectHapi, disableLive, enableLive, liveScript, liveState, outboxStatus } from '@viewmill/fhir-source';
import pg from 'pg';

export interface LiveOptions {
  /** Print the statements instead of running them. */
  readonly sql?: boolean;
  /** URL of a role that may create triggers, where DATABASE_URL's may not. */
  readonly as?: string;
  readonly json?: boolean;
}

/** `viewmill live enable`: the triggers, or the SQL that makes them. */
export function runLiveEnable(settings: Settings, { sql, as }: LiveOptions): Promise<void> {
  return withHapi(settings, as, async ({ client, layout, owner }) => {
    const schema = settings.SQLONFHIR_SCHEMA;
    if (sql) return void process.stdout.write(liveScript(schema, layout, owner));
    const made = await enableLive(client, schema, layout, owner);
    say(
      made
        ? 'live capture is on; the next refresh of each view compares once more, later ones follow the triggers'
        : 'live capture was on already',
    );
  });
}

/** `viewmill live disable`: removes every trace. */
export function runLiveDisable(settings: Settings, { as }: LiveOptions): Promise<void> {
  return withHapi(settings, as, async ({ client, layout }) => {
    const removed = await disableLive(client, settings.SQLONFHIR_SCHEMA, layout);
    say(removed ? 'live capture is off; triggers, function and outbox are removed' : 'live capture was off already');
  });
}

/** `viewmill live status` */
export function runLiveStatus(settings: Settings, { json }: LiveOptions): Promise<void> {
  return withHapi(settings, undefined, async ({ client, layout }) => {
    const schema = settings.SQLONFHIR_SCHEMA;
    const state = await liveState(client, schema, layout);
    const outbox = await outboxStatus(client, schema);
    const status = {
      enabled: state !== null,
      outbox_entries: outbox?.entries ?? null,
      outbox_bytes: outbox?.bytes ?? null,
      views: await viewsThatFollow(settings, state?.epoch ?? null),
    };
    if (json) return say(JSON.stringify(status));
    if (state === null)
      return say(outbox === null ? 'live capture is off' : 'live capture is broken: some triggers are missing; enable it again');
    say(`live capture is on; ${outbox?.entries ?? 0} changes noted (${outbox?.bytes ?? 0} bytes)`);
    for (const { name, follows } of status.views)
      say(`  ${name}: ${follows ? 'follows' : 'compares once at its next refresh, then follows'}`);
  });
}

async function viewsThatFollow(settings: Settings, epoch: string | null): Promise<readonly { name: string; follows: boolean }[]> {
  const pool = new pg.Pool({ connectionString: settings.CATALOG_DATABASE_URL ?? settings.DATABASE_URL, max: 1 });
  try {
    const catalog = createCatalog({ pool, schema: settings.SQLONFHIR_SCHEMA });
    const views = [];
    for (const { name } of await catalog.listViews()) {
      const served = await catalog.served(pool, name);
      views.push({ name, follows: epoch !== null && served?.basis?.live?.epoch === epoch });
    }
    return views;
  } catch (error) {
    // No catalog yet.
    if ((error as { code?: string }).code === '42P01' || (error as { code?: string }).code === '3F000') return [];
    throw error;
  } finally {
    await pool.end();
  }
}

interface Hapi {
  readonly client: pg.Client;
  readonly layout: Awaited<ReturnType<typeof detectHapi>>;
  /** Viewmill's own role. */
  readonly owner: string;
}

async function withHapi(settings: Settings, as: string | undefined, work: (hapi: Hapi) => Promise<void>): Promise<void> {
  if (settings.DATABASE_URL === undefined)
    throw new ViewmillError('VM3005', 'DATABASE_URL is needed: the FHIR database', { at: 'DATABASE_URL' });
  const own = new pg.Client({ connectionString: settings.DATABASE_URL, application_name: 'viewmill-live' });
  const client = as === undefined ? own : new pg.Client({ connectionString: as, application_name: 'viewmill-live' });
  try {
    await own.connect();
    if (client !== own) await client.connect();
    const layout = await detectHapi(client, { schema: settings.FHIR_SCHEMA, timeZone: settings.FHIR_TIME_ZONE });
    const { rows } = await own.query<{ owner: string }>('select current_user as owner');
    await work({ client, layout, owner: rows[0]?.owner ?? '' });
  } finally {
    await own.end();
    if (client !== own) await client.end();
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
