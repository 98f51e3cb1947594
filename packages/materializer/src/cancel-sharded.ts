import { dropLeftovers } from './leftovers.ts';
import type { DropOptions } from './options.ts';
import { withViewLock } from './session.ts';

/** Takes back what the shards of a build have made; nothing if there is none. Shards that run are waited for. */
export async function cancelSharded({ name, target, catalog }: DropOptions): Promise<void> {
  if ((await catalog.sharded(target, name)) === null) return;
  await withViewLock({ target, catalog, name }, async ({ client }) => {
    const sharded = await catalog.sharded(client, name);
    if (sharded === null) return;
    await catalog.endSharded(client, name);
    await catalog.finishRefresh(client, sharded.refreshId, name, { outcome: 'cancelled' });
    await dropLeftovers(client, catalog, name);
  });
}
