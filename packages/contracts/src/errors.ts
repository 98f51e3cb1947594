/**
 * The one error registry. A code is never reused. `status` is the HTTP status the API answers with,
 * `retryable` says whether the same request may work later (jobs retry only those).
 * Messages say what is wrong and where; `help` says what to do. Neither ever holds resource content.
 */
export const ERRORS = {
  // 10xx: FHIRPath
  VM1001: { status: 422, title: 'FHIRPath syntax error', help: 'Correct the expression at the position given.' },
  VM1002: {
    status: 422,
    title: 'Unsupported FHIRPath',
    help: 'Use the subset of FHIRPath that SQL on FHIR v2 defines; the reference lists it.',
  },
  VM1003: { status: 422, title: 'Unknown element', help: 'Check the spelling against the FHIR R4 definition of the type.' },
  VM1004: { status: 422, title: 'Type error in FHIRPath', help: 'Make the operand types fit the function or operator.' },
  VM1005: { status: 422, title: 'Undefined constant', help: 'Add it to ViewDefinition.constant or correct its name.' },
  VM1006: {
    status: 422,
    title: 'Choice element needs ofType()',
    help: 'Write value.ofType(Quantity) rather than value or valueQuantity.',
  },
  // 11xx: ViewDefinition
  VM1101: { status: 422, title: 'Invalid ViewDefinition', help: 'See the diagnostics; each names the element at fault.' },
  VM1102: { status: 422, title: 'Duplicate column', help: 'Give every column of the view its own name.' },
  VM1103: {
    status: 422,
    title: 'Branches of unionAll differ',
    help: 'Give every branch the same columns, in the same order, with the same types.',
  },
  VM1104: { status: 422, title: 'Column type mismatch', help: 'Correct the declared type or the ansi/type tag.' },
  VM1105: {
    status: 422,
    title: 'Invalid constant',
    help: 'Give the constant a name and exactly one value[x] of a supported type.',
  },
  VM1106: {
    status: 422,
    title: 'Invalid name',
    help: 'Use letters, digits and underscores, beginning with a letter; at most 63 characters.',
  },
  // 12xx: evaluation
  VM1201: {
    status: 422,
    title: 'Several values where one is expected',
    help: 'Use first(), a where(), forEach, or collection: true.',
  },
  VM1202: {
    status: 422,
    title: 'Too large to compute on the fly',
    help: 'Materialize the view; its resources are stored compressed and cannot be read by SQL.',
  },
  VM1203: {
    status: 422,
    title: 'Value does not fit its column',
    help: 'Correct the resource, or give the column a wider type with the tag ansi/type.',
  },
  VM1204: {
    status: 422,
    title: 'Resource cannot be read',
    help: 'It is in quarantine and gives no rows; correct or delete it on the FHIR server.',
  },
  // 20xx: requests
  VM2001: { status: 400, title: 'Invalid request', help: 'Correct the parameter named.' },
  VM2002: { status: 404, title: 'View not found', help: 'List the views at /analytics/view-definitions.' },
  VM2003: { status: 409, title: 'View exists already', help: 'Use PUT to change it, or another name.' },
  VM2004: { status: 404, title: 'Job not found', help: 'Finished jobs are kept for a limited time; see JOB_KEEP_SECONDS.' },
  VM2005: { status: 403, title: 'Built-in views cannot be changed', help: 'Create a view of another name from a copy.' },
  VM2006: { status: 404, title: 'View is not materialized', help: 'POST /analytics/materialized-views/{name} creates it.' },
  VM2007: { status: 404, title: 'Not found', help: 'The API is described at /docs.' },
  VM2008: { status: 409, title: 'Cannot be done in this state', help: 'See the message.' },
  VM2009: {
    status: 400,
    title: 'Invalid search parameter',
    help: 'Use a column of the view, patient, _id, _lastUpdated, _sort or _count; see /docs.',
  },
  VM2010: { status: 413, title: 'Result too large', help: 'Page with _count and the cursor.' },
  VM2011: {
    status: 429,
    title: 'Too many requests of this client',
    help: 'Try again after Retry-After seconds.',
    retryable: true,
  },
  VM2012: { status: 406, title: 'No such format', help: 'Ask for application/json, application/x-ndjson or text/csv.' },
  VM2022: {
    status: 409,
    title: 'Live capture cannot be switched',
    help: 'Run it as the owner of HAPI’s tables, or give the output of `viewmill live enable --sql` to whoever may; see the message.',
  },

  // 30xx: services
  VM3001: { status: 503, title: 'No worker answered in time', help: 'Start a worker or try again later.', retryable: true },
  VM3002: {
    status: 503,
    title: 'Database not available',
    help: 'Check DATABASE_URL and that PostgreSQL is up.',
    retryable: true,
  },
  VM3003: { status: 503, title: 'Queue not available', help: 'Check REDIS_URL and that Redis is up.', retryable: true },
  VM3004: {
    status: 503,
    title: 'Not a HAPI FHIR database',
    help: 'Check DATABASE_URL and FHIR_SCHEMA; the tables hfj_resource and hfj_res_ver must be there.',
  },
  VM3005: { status: 503, title: 'Invalid settings', help: 'Correct the environment variable named.' },
  VM3006: { status: 409, title: 'Cancelled', help: 'The job was cancelled.' },
  VM3007: { status: 504, title: 'Statement timed out', help: 'Narrow the query, or materialize the view.', retryable: true },
  VM3008: { status: 503, title: 'Too much work waiting', help: 'Try again after Retry-After seconds.', retryable: true },
  VM3011: {
    status: 503,
    title: 'Local PostgreSQL cannot be started',
    help: 'See the message; or set DATABASE_URL to a PostgreSQL server of your own.',
  },
  VM3012: {
    status: 503,
    title: 'Local Redis cannot be started',
    help: 'See the message; or set REDIS_URL to a Redis of your own.',
  },
  VM3013: {
    status: 503,
    title: 'The catalog is newer than this program',
    help: 'Start the version of Viewmill that wrote it, or a later one.',
  },
  VM3020: {
    status: 502,
    title: 'The FHIR server refused the request',
    help: 'Check FHIR_BASE_URL, and that the server can search the type.',
  },
  VM3021: {
    status: 503,
    title: 'FHIR server not available',
    help: 'Check FHIR_BASE_URL and that the server is up.',
    retryable: true,
  },
  VM3022: {
    status: 502,
    title: 'The FHIR server refused the credentials',
    help: 'Check FHIR_AUTHORIZATION, or FHIR_CLIENT_ID, FHIR_PRIVATE_KEY_FILE, FHIR_TOKEN_URL and FHIR_SCOPE.',
  },
  VM3023: {
    status: 502,
    title: 'The FHIR server’s pages cannot be read',
    help: 'See the message; a server behind a proxy must know its public address.',
  },
  VM3024: { status: 503, title: 'NDJSON files cannot be read', help: 'Check FHIR_NDJSON_DIR.' },
  VM3025: {
    status: 409,
    title: 'This runner has no materialized views',
    help: 'Query the view; or set VIEWDEF_RUNNER to hybrid, with DATABASE_URL of a HAPI server.',
  },
  VM3030: {
    status: 503,
    title: 'The answer broke off',
    help: 'Ask again; what was received of it is not the whole.',
    retryable: true,
  },
  VM3050: { status: 409, title: 'Sharded build is over', help: 'It was replaced by a later build, dropped or finished.' },
  VM3051: { status: 503, title: 'Shards are missing', help: 'Build the shards that are not done, then finish.', retryable: true },
  VM3052: {
    status: 503,
    title: 'The FHIR database was replaced during the build',
    help: 'Refresh the view again.',
    retryable: true,
  },
  // 90xx: ours
  VM9001: {
    status: 500,
    title: 'Internal fault',
    help: 'Give the fault id to whoever runs the server; the log has the rest.',
    retryable: true,
  },
} as const satisfies Record<string, ErrorEntry>;

interface ErrorEntry {
  readonly status: number;
  readonly title: string;
  readonly help: string;
  readonly retryable?: boolean;
}

export type ErrorCode = keyof typeof ERRORS;

/** One finding about a ViewDefinition. `at` is a path such as `select[0].column[2].path`; position is within the FHIRPath text. */
export interface Diagnostic {
  readonly code: ErrorCode;
  readonly message: string;
  readonly at: string;
  readonly position?: { readonly line: number; readonly column: number };
}

/** What a user did wrong, or a service that is not there: coded, safe to show. Everything else that is thrown is our fault (VM9001). */
export class ViewmillError extends Error {
  readonly code: ErrorCode;
  /** What the message is about: a JSON path, a parameter's name, a view's name. */
  readonly at: string | undefined;
  readonly diagnostics: readonly Diagnostic[];

  constructor(
    code: ErrorCode,
    message: string,
    options: { at?: string; diagnostics?: readonly Diagnostic[]; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ViewmillError';
    this.code = code;
    this.at = options.at;
    this.diagnostics = options.diagnostics ?? [];
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  get retryable(): boolean {
    const entry: ErrorEntry = ERRORS[this.code];
    return entry.retryable ?? false;
  }
}

/** A ViewmillError as it travels in a job's result. */
export interface ErrorPayload {
  readonly code: ErrorCode;
  readonly message: string;
  readonly at?: string | undefined;
  readonly diagnostics?: readonly Diagnostic[] | undefined;
}

export function toErrorPayload(error: ViewmillError): ErrorPayload {
  return { code: error.code, message: error.message, at: error.at, diagnostics: error.diagnostics };
}

export function fromErrorPayload(payload: ErrorPayload): ViewmillError {
  return new ViewmillError(payload.code, payload.message, {
    ...(payload.at === undefined ? {} : { at: payload.at }),
    ...(payload.diagnostics === undefined ? {} : { diagnostics: payload.diagnostics }),
  });
}
