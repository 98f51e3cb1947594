import type { JobQueue } from './backend.ts';
import type { QueueSettings } from './options.ts';
import type { AddParts } from './refresh-processor.ts';
import { refreshOptions } from './refreshes.ts';

/**
 * Parts of a refresh as BullMQ's children of its job. Their ids are those of the job's attempt: what a worker had added before it was
 * killed is not added twice. A part that fails for good lets the job go on, which then finds what is missing.
 */
export function createParts(queue: JobQueue, settings: QueueSettings): AddParts {
  return async (job, parts) => {
    const parent = { id: job.id ?? '', queue: queue.qualifiedName };
    const jobs = parts.map((data) => ({
      name: 'shard',
      data,
      opts: {
        ...refreshOptions(settings),
        jobId: `${job.id}-${job.attemptsMade + 1}-${data.shard}`,
        parent,
        ignoreDependencyOnFailure: true,
      },
    }));
    if (jobs.length > 0) await queue.addBulk(jobs);
  };
}
