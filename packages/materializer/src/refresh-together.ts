import type { Served } from '@viewmill/catalog';
import { type RefreshResult, ViewmillError } from '@viewmill/contracts';
import type { ViewPlan } from '@viewmill/views';
import type { PoolClient } from 'pg';
import { type Begun, beginRefresh } from './begin-refresh.ts';
import { type Built, build, refreshedInFull } from './build.ts';
import { applyDelta, type Delta, planDelta } from './delta.ts';
import { toBuildError, toRecord } from './failures.ts';
import { checkColumns } from './generation-table.ts';
import { dropLeftovers } from './leftovers.ts';
import type { Refreshed, RefreshOptions } from './options.ts';
import { swapIn, whenFree } from './publish.ts';
import { recordDelta } from './refresh-in-place.ts';
import { type Session, withViewLocks } from './session.ts';
import { withSnapshot } from './snapshot.ts';
import { trimLiveOutbox } from './trim-live-outbox.ts';

export interface SetOptions extends Omit<RefreshOptions, 'name' | 'plan'> {
  readonly views: readonly { readonly name: string; readonly plan: ViewPlan }[];
}

/** A view of the set while it is worked on. */
interface Member extends Begun {
  readonly options: RefreshOptions;
}

/** What is ready to be shown: a new table, or changes of the one that serves. */
type Ready = { readonly member: Member } & (
  | { readonly built: Built; readonly why: string }
  | { readonly delta: Delta; readonly served: Served }
);

/**
 * Refreshes several views so that all of them show one state of the source, and shows them in one transaction: a join of them agrees,
 * and a reader sees all of them old or all of them new. If one cannot be refreshed, none is: each goes on showing what it showed.
 * Memory and time are those of one refresh after the other; they read through one connection, whose snapshot is the set's.
 * @throws ViewmillError as of `refreshView`, with the view in `at`
 */
export async function refreshTogether({ views, ...options }: SetOptions): Promise<readonly RefreshResult[]> {
  const { source, target, catalog, signal, onProgress } = options;
  const begun = performance.now();
  for (const { plan } of views) checkColumns(plan);
  const onWait = (): void => onProgress?.({ phase: 'waiting', resources: 0, rows: 0 });
  const names = views.map(({ name }) => name);
  if (new Set(names).size < names.length) throw new ViewmillError('VM2001', 'a view is named twice', { at: 'views' });
  return withViewLocks({ target, catalog, names, signal, onWait }, async (session) => {
    const members: Member[] = [];
    let current: Member | undefined;
    try {
      for (const view of views) {
        const own = { ...options, ...view };
        members.push({ options: own, ...(await beginRefresh(session, own)) });
      }
      const refreshed = await withSnapshot(source, async (reader) => {
        const ready: Ready[] = [];
        for (const member of members) {
          current = member;
          ready.push(await prepare(session, reader, member));
        }
        return show(session, reader, ready, signal, (member) => {
          current = member;
        });
      });
      for (const name of names) await dropLeftovers(session.client, catalog, name).catch(() => undefined);
      for (const { options: of } of members) await trimLiveOutbox(of).catch(() => undefined);
      const seconds = Math.round(performance.now() - begun) / 1000;
      const joined = session.waited ? ('waited' as const) : ('no' as const);
      return refreshed.map((each, index) => ({ view: names[index] ?? '', ...each, seconds, joined }));
    } catch (error) {
      const failure = toBuildError(error, (current ?? members[0])?.options.plan ?? (views[0]?.plan as ViewPlan));
      await giveUp(session, members, current, failure, signal);
      throw failure;
    }
  });
}

async function prepare(session: Session, reader: PoolClient, member: Member): Promise<Ready> {
  const { options, served } = member;
  const { client, interruptible } = session;
  let why = member.obstacle ?? '';
  if (served !== null && member.obstacle === null) {
    await client.query('begin');
    const delta = await interruptible(() => planDelta(reader, client, options, served));
    await client.query('rollback');
    if (delta.mode !== 'full') return { member, delta, served };
    why = delta.why;
  }
  return { member, built: await build(session, options, (work) => work(reader)), why };
}

async function show(
  { client, interruptible }: Session,
  reader: PoolClient,
  ready: readonly Ready[],
  signal: AbortSignal | undefined,
  onMember: (member: Member) => void,
): Promise<readonly Refreshed[]> {
  let refreshed: Refreshed[] = [];
  const names = ready.map(({ member }) => member.options.name).join(', ');
  await interruptible(() =>
    whenFree(client, names, signal, async () => {
      refreshed = [];
      // Changed rows first, then the views that are replaced: those are locked from there on.
      const results = new Map<Ready, Refreshed>();
      for (const each of [...ready].sort((a, b) => Number('built' in a) - Number('built' in b))) {
        onMember(each.member);
        results.set(each, 'delta' in each ? await change(client, reader, each) : await swap(client, each));
      }
      for (const each of ready) refreshed.push(results.get(each) as Refreshed);
    }),
  );
  return refreshed;
}

async function change(
  client: PoolClient,
  reader: PoolClient,
  { member: { options, refreshId }, served, delta }: Extract<Ready, { delta: Delta }>,
): Promise<Refreshed> {
  const applied = await applyDelta(reader, client, options, served, delta);
  return recordDelta(client, options, refreshId, served, delta, applied);
}

async function swap(client: PoolClient, { member, built, why }: Extract<Ready, { built: Built }>): Promise<Refreshed> {
  await swapIn(client, member.options, built, member.refreshId, why);
  return refreshedInFull(built, why);
}

/** The view at fault has failed; the others were not at fault, and are called off. */
async function giveUp(
  { client }: Session,
  members: readonly Member[],
  atFault: Member | undefined,
  failure: unknown,
  signal: AbortSignal | undefined,
): Promise<void> {
  const record = toRecord(failure);
  const cancelled = signal?.aborted && record.code === 'VM3006';
  let connected = true;
  await client.query('rollback').catch(() => {
    connected = false;
  });
  for (const member of members) {
    const { name, catalog, target } = member.options;
    const failed = !cancelled && (atFault === undefined || member === atFault);
    const end = failed ? ({ outcome: 'failed', error: record } as const) : ({ outcome: 'cancelled' } as const);
    const place = connected ? client : target;
    await catalog.finishRefresh(place, member.refreshId, name, end).catch(() => undefined);
    if (connected) await dropLeftovers(client, catalog, name).catch(() => undefined);
  }
}
