import { type DestinationStream, destination, type LevelWithSilent, type Logger as PinoLogger, pino } from 'pino';
import { describeError, safeUrl, scrub } from './scrub.ts';

export type Logger = PinoLogger;

export interface LoggerOptions {
  /** Which process or part speaks: `api`, `worker`, `cli`. */
  readonly name: string;
  readonly level: LevelWithSilent;
  /** Short lines for a terminal rather than JSON. */
  readonly pretty?: boolean;
  /** Where lines go; stdout if not given. */
  readonly stream?: DestinationStream;
}

/** A pino logger whose lines never hold passwords, search values, result rows or statement parameters, however deep they are given. */
export function createLogger(options: LoggerOptions): Logger {
  const stream = options.stream ?? destination({ dest: 1, sync: true });
  return pino(
    {
      name: options.name,
      level: options.level,
      base: { pid: process.pid },
      formatters: { log: (fields) => scrub(fields) as Record<string, unknown>, level: (label) => ({ level: label }) },
      // Errors come described from the formatter above; pino's own serializer would add every property of them.
      serializers: { err: (described: unknown) => described },
      hooks: {
        streamWrite: safeUrl,
        // Without a message pino would take the error's own, which may quote data.
        logMethod(args, method) {
          const [first, message] = args as [unknown, string?];
          const error = first instanceof Error ? first : (first as { err?: unknown } | null)?.err;
          if (error instanceof Error && message === undefined) {
            const described = describeError(error);
            return method.call(
              this,
              (first === error ? { err: error } : first) as object,
              String(described['message'] ?? described['name']),
            );
          }
          return method.apply(this, args);
        },
      },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    options.pretty ? { write: (line: string) => stream.write(prettyLine(line)) } : stream,
  );
}

/** `12:00:01 warn worker: message key=value …`, with the stack of an error on lines of its own. */
function prettyLine(line: string): string {
  const { time, level, name, msg, pid: _pid, err, ...rest } = JSON.parse(line) as Record<string, unknown>;
  const fields = Object.entries(rest).map(
    ([key, value]) => ` ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const { stack, ...error } = (err ?? {}) as Record<string, unknown>;
  const trouble = err === undefined ? '' : ` ${JSON.stringify(error)}\n${String(stack ?? '')}`;
  return `${String(time).slice(11, 19)} ${String(level).padEnd(5)} ${String(name)}: ${String(msg ?? '')}${fields.join('')}${trouble}\n`;
}
