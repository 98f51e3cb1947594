/** Keys whose values may be secrets or patients' data; compared in lower case. `values`: of a search condition. */
const SECRET_KEYS = new Set([
  'password',
  'passwd',
  'secret',
  'token',
  'authorization',
  'cookie',
  'apikey',
  'values',
  'conditions',
  'cursor',
  'rowsjson',
  'rows_json',
  'resource',
  'params',
  'parameters',
  'detail',
  'where',
  'query',
  'internalquery',
]); // prettier-ignore
const MAX_DEPTH = 6;
const URL_PASSWORD = /([a-z][a-z0-9+.-]*:\/\/[^\s:/@"]*:)[^\s/"]+@/gi;

/** The URL without its password: `postgres://user:***@host/db`. Text that is no URL is searched for URLs. */
export function safeUrl(url: string): string {
  return url.replace(URL_PASSWORD, '$1***@').replace(/([?&](?:password|sslpassword)=)[^&\s"]*/gi, '$1***');
}

/**
 * What of an error may be logged: name, code, message and stack, and of a database's error also constraint and table.
 * PostgreSQL's `detail`, `where`, `hint` and parameters may hold rows and are left out, and so is the message
 * of data exceptions and constraint violations (SQLSTATE classes 22 and 23), which quotes values.
 */
export function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { name: typeof error };
  const fields = error as Error & { code?: unknown; severity?: unknown; table?: unknown; constraint?: unknown };
  const code = typeof fields.code === 'string' ? fields.code : undefined;
  const quotesValues = fields.severity !== undefined && code !== undefined && /^2[23]/.test(code);
  return {
    name: error.name,
    ...(code === undefined ? {} : { code }),
    ...(quotesValues ? {} : { message: safeUrl(error.message) }),
    ...(typeof fields.table === 'string' ? { table: fields.table } : {}),
    ...(typeof fields.constraint === 'string' ? { constraint: fields.constraint } : {}),
    stack: frames(error.stack),
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
  };
}

/** The stack without its head, which repeats the message. */
function frames(stack: string | undefined): string {
  return (stack ?? '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .join('\n');
}

/** A copy fit for the log: secret keys censored, errors described, URLs without passwords, request paths without their search part. */
export function scrub(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return safeUrl(value);
  if (value instanceof Error) return describeError(value);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  if (depth >= MAX_DEPTH) return '[deep]';
  if (Array.isArray(value)) return value.map((item) => scrub(item, depth + 1));
  if (!isPlain(value)) return instance(value);
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, SECRET_KEYS.has(key.toLowerCase()) ? '[censored]' : scrub(item, depth + 1)]),
  );
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

/** Instances are not walked. Of a request the method and path are said (`?patient=…` names a patient), of a reply the status. */
function instance(value: object): unknown {
  if ('method' in value && 'url' in value) return { method: value.method, url: String(value.url).split('?')[0] };
  if ('statusCode' in value) return { statusCode: value.statusCode };
  return `[${value.constructor.name}]`;
}
