// A worker of its own process that takes a job and never finishes it; the test kills it. Arguments: options of connectQueue as JSON.
import { connectQueue } from '@viewmill/queue';

const queue = await connectQueue(JSON.parse(process.argv[2]));
const hold = (id) => {
  process.stdout.write(`taken ${id}\n`);
  return new Promise(() => setInterval(() => undefined, 1000));
};
await queue.startWorkers({
  query: (job) => hold(job.requestId),
  refresh: {
    refresh: (_data, { jobId }) => hold(jobId),
    sweep: (_data, { jobId }) => hold(jobId),
    drop: (_data, { jobId }) => hold(jobId),
  },
  onError: () => undefined,
});
process.stdout.write('ready\n');
