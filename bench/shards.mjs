import { queueOf, start, stop } from './load.mjs';
import { multiply } from './refresh.mjs';
import { median, report, setUp } from './setup.mjs';

const VIEW = 'observation_labs';

/** A full build through API, queue and workers: one worker that reads everything, one and two workers with shards. */
export async function shards({ rounds, sizes = [400_000] }) {
  const system = await setUp({ scale: 1 });
  const { pool, folder, url } = system;
  const [size] = sizes;
  await multiply(pool, size);
  const queue = await queueOf(folder, url);
  const ways = [
    ['one worker, not split', 1, 0],
    ['one worker, shards', 1, Math.ceil(size / 8)],
    ['two workers, shards', 2, Math.ceil(size / 8)],
  ];
  const times = ways.map(() => []);
  for (let round = 0; round <= Math.min(rounds, 3); round += 1) {
    for (const [index, [, count, perShard]] of ways.entries()) {
      // A worker of its own each time: code that is warm already would favour whoever comes later.
      const env = {
        ...process.env,
        ...queue.env,
        QUEUE_PREFIX: `bench${index}`,
        DATABASE_URL: url,
        SCHEDULES_ENABLED: 'false',
        SHARD_RESOURCES: String(perShard),
        LOG_LEVEL: 'info',
        PORT: '0',
      };
      const processes = [await start('api', env, /"url":"(http[^"]+)"/)];
      for (let n = 0; n < count; n += 1) processes.push(await start('worker', env, /worker ready/));
      const view = `${processes[0].said}/analytics/materialized-views/${VIEW}`;
      const started = performance.now();
      const answer = await fetch(`${view}${round === 0 && index === 0 ? '' : '/refresh'}?mode=full&wait=120s`, {
        method: 'POST',
      });
      const { state, result } = await answer.json();
      if (state !== 'completed') throw new Error(`the build ended ${state}`);
      if (round > 0) times[index].push(performance.now() - started);
      for (const { child } of processes) await stop(child);
      if (result.resources < size) throw new Error('resources are missing');
    }
  }
  const [alone, ...others] = times.map(median);
  report(
    'shards',
    ways.map(([what], index) => ({
      what,
      ms: [alone, ...others][index],
      note: index === 0 ? '' : `${(alone / others[index - 1]).toFixed(2)} times as fast`,
    })),
    { size },
  );
  await queue.stop();
  await system.tearDown();
}
