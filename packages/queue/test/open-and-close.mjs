// Uses everything once, closes it, and must end by itself: no handle is left. Arguments: options of connectQueue as JSON.
import { connectQueue } from '@viewmill/queue';

const queue = await connectQueue(JSON.parse(process.argv[2]));
const workers = await queue.startWorkers({
  query: async () => ({ kind: 'undefine', name: 'labs' }),
  refresh: { refresh: async () => null, sweep: async () => null, drop: async () => null },
  onError: console.error,
});
const search = { conditions: [], sort: [], limit: null, cursor: null };
await queue.queries.run(
  { kind: 'undefine', view: { name: 'labs' }, search, deadline: Date.now() + 10_000 },
  { timeoutMs: 10_000 },
);
const { jobId } = await queue.refreshes.enqueue('drop', { view: 'labs' });
await queue.jobs.wait(jobId, 10_000);
queue.boardQueues();
await queue.counts();
await workers.close();
await queue.close();
process.stdout.write('closed\n');
