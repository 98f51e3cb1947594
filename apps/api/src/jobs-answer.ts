import type { RefreshJobData, RefreshJobName } from '@viewmill/contracts';
import type { FastifyReply } from 'fastify';
import type { ApiServices } from './services.ts';
import { waitOf } from './wait.ts';

const FINISHED = new Set(['completed', 'failed', 'cancelled']);

/**
 * Enqueues long work and answers 202 with `Location: /analytics/jobs/{id}`; with `wait`, 200 and the result if the job
 * ends in time (a job that failed is an answered request: its error is in the body).
 */
export async function answerWithJob<N extends RefreshJobName>(
  services: ApiServices,
  reply: FastifyReply,
  work: { readonly name: N; readonly data: RefreshJobData<N>; readonly wait: string | undefined },
): Promise<FastifyReply> {
  const waitMs = waitOf(work.wait);
  const { jobId, deduplicated } = await services.enqueue(work.name, work.data);
  reply.header('location', `/analytics/jobs/${encodeURIComponent(jobId)}`);
  const job = waitMs > 0 ? await services.jobs.wait(jobId, waitMs) : null;
  if (job === null || !FINISHED.has(job.state)) {
    return reply.code(202).send({ job: jobId, joined: deduplicated, state: job?.state ?? 'waiting' });
  }
  const error = job.error === null || job.error === undefined ? {} : { error: job.error };
  return reply.code(200).send({ job: jobId, joined: deduplicated, state: job.state, result: job.result, ...error });
}
