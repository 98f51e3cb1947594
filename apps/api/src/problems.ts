import { type Diagnostic, ERRORS, type ErrorCode, ViewmillError } from '@viewmill/contracts';
import { logFault } from '@viewmill/observability';
import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import type { ApiServices } from './services.ts';

/** Seconds a client should wait before it tries a 503 or 429 again. */
const RETRY_AFTER_SECONDS = 5;

interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail: string;
  readonly help: string;
  readonly at?: string;
  readonly diagnostics?: readonly Diagnostic[];
  readonly fault?: string;
}

/** problem+json (RFC 9457) for every error: ours by the registry, the framework's as invalid requests, the rest as a fault with an id. */
export function installProblems(app: FastifyInstance, services: Pick<ApiServices, 'log'>): void {
  app.setErrorHandler((error: FastifyError | ViewmillError, _request, reply) => {
    const known = coded(error);
    if (known !== null) return sendProblem(reply, known);
    const fault = logFault(services.log, error);
    return sendProblem(reply, new ViewmillError('VM9001', `fault ${fault}`), fault);
  });
  app.setNotFoundHandler((request, reply) =>
    sendProblem(reply, new ViewmillError('VM2007', `no route ${request.method} ${pathOf(request.url)}`)),
  );
}

function coded(error: FastifyError | ViewmillError): ViewmillError | null {
  if (error instanceof ViewmillError) return error;
  if (hasZodFastifySchemaValidationErrors(error)) {
    const first = error.validation[0];
    const at = first?.instancePath.replace(/^\//, '').replaceAll('/', '.') ?? '';
    return new ViewmillError('VM2001', `${at === '' ? 'request' : at}: ${first?.message ?? 'invalid'}`, { at });
  }
  if (typeof error.statusCode === 'number' && error.statusCode < 500) return new ViewmillError('VM2001', error.message);
  return null;
}

export function sendProblem(reply: FastifyReply, error: ViewmillError, fault?: string): FastifyReply {
  const entry = ERRORS[error.code];
  const problem: Problem = {
    type: `urn:viewmill:error:${error.code}`,
    title: entry.title,
    status: entry.status,
    code: error.code,
    detail: error.message,
    help: entry.help,
    ...(error.at === undefined ? {} : { at: error.at }),
    ...(error.diagnostics.length === 0 ? {} : { diagnostics: error.diagnostics }),
    ...(fault === undefined ? {} : { fault }),
  };
  if (entry.status === 503 || entry.status === 429) reply.header('retry-after', RETRY_AFTER_SECONDS);
  // As text: the response schemas of the routes describe answers, not problems.
  return reply.code(entry.status).header('content-type', 'application/problem+json').send(JSON.stringify(problem));
}

/** Without the query string, which can hold patient identifiers. */
function pathOf(url: string): string {
  return url.split('?')[0] ?? url;
}
