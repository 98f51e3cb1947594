import { createLogger, logFault, safeUrl } from '@viewmill/observability';
import { describe, expect, it } from 'vitest';

const PLANTED = 'planted-42';

function capture(pretty = false) {
  const lines: string[] = [];
  const logger = createLogger({
    name: 'test',
    level: 'trace',
    pretty,
    stream: { write: (line: string) => void lines.push(line) },
  });
  return { logger, text: () => lines.join('') };
}

/** As node-postgres throws it. */
function databaseError(code: string): Error {
  return Object.assign(new Error(`invalid input syntax for type integer: "${PLANTED}"`), {
    code,
    severity: 'ERROR',
    detail: `Key (id)=(${PLANTED}) already exists.`,
    where: `COPY t, line 1: "${PLANTED}"`,
    parameters: [PLANTED],
    constraint: 't_pkey',
    table: 't',
  });
}

describe('safeUrl', () => {
  it.each([
    ['postgres://user:planted-42@host:5432/db', 'postgres://user:***@host:5432/db'],
    ['redis://:planted-42@host', 'redis://:***@host'],
    ['postgres://u:pl@nted-42@host/db', 'postgres://u:***@host/db'],
    ['postgres://host/db?user=u&password=planted-42', 'postgres://host/db?user=u&password=***'],
    ['postgres://host:5432/db', 'postgres://host:5432/db'],
  ])('%s', (url, safe) => {
    expect(safeUrl(url)).toBe(safe);
  });
});

describe.each([false, true])('createLogger, pretty %s', (pretty) => {
  it.each([
    ['password', { password: PLANTED }],
    ['a nested secret', { a: { b: { c: { Authorization: PLANTED } } } }],
    ['search values', { search: { conditions: [{ field: 'patient', operator: 'eq', values: [PLANTED] }] } }],
    ['values of a condition', { condition: { field: 'patient', values: [PLANTED] } }],
    ['result rows', { result: { rowsJson: `[{"id":"${PLANTED}"}]` } }],
    ['parameters', { sql: { text: 'select $1', params: [PLANTED] } }],
    ['a URL in a field', { database: `postgres://u:${PLANTED}@h/d` }],
    ['something very deep', { a: { b: { c: { d: { e: { f: { g: { h: PLANTED } } } } } } } }],
    [
      'a request’s search part',
      {
        req: new (class Request {
          method = 'GET';
          url = `/x?patient=${PLANTED}`;
        })(),
      },
    ],
    [
      'an instance',
      {
        pool: new (class Pool {
          options = { password: PLANTED };
        })(),
      },
    ],
    ['an error’s detail', { err: databaseError('23505') }],
    ['an error as cause', { err: new Error('outer', { cause: databaseError('22P02') }) }],
  ])('censors %s', (_name, fields) => {
    const { logger, text } = capture(pretty);
    logger.info(fields, 'said');
    expect(text()).toContain('said');
    expect(text()).not.toContain(PLANTED);
  });

  it('censors a URL in the message, and an error given alone', () => {
    const { logger, text } = capture(pretty);
    logger.info(`connecting to postgres://u:${PLANTED}@h/d`);
    logger.error(databaseError('23505'));
    logger.error({ err: databaseError('22P02') });
    expect(text()).toContain('connecting to postgres://u:***@h/d');
    expect(text()).not.toContain(PLANTED);
  });

  it('logs a fault with its id, code and stack, and no data', () => {
    const { logger, text } = capture(pretty);
    const fault = logFault(logger, databaseError('22P02'), { job: 'refresh-1' });
    expect(fault).toMatch(/^f-[0-9a-f]{12}$/);
    for (const expected of [fault, '22P02', 't_pkey', 'logger.test.ts', 'refresh-1']) expect(text()).toContain(expected);
    expect(text()).not.toContain(PLANTED);
  });
});

it('writes JSON lines with name, level and time, and keeps what is harmless', () => {
  const { logger, text } = capture();
  logger.child({ request: 'r-1' }).warn({ rows: 3, view: 'labs' }, 'slow');
  expect(JSON.parse(text())).toMatchObject({ level: 'warn', name: 'test', request: 'r-1', rows: 3, view: 'labs', msg: 'slow' });
});
