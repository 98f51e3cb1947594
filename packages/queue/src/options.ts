/** Where the queue is kept and how it behaves. Exactly one of the two URLs is given. */
export interface QueueOptions {
  readonly redisUrl?: string | undefined;
  readonly postgresUrl?: string | undefined;
  /** Prefix of every key in Redis; in PostgreSQL the schema is `<prefix>_queue`. */
  readonly prefix: string;
  /** Attempts of a refresh before it has failed for good. */
  readonly refreshAttempts?: number;
  /** First delay between two attempts, in milliseconds; it doubles each time, half of it random. */
  readonly refreshBackoffMs?: number;
  /** How long finished refreshes can be looked up, in seconds. */
  readonly keepSeconds?: number;
  /** A job whose worker has not been heard of for this long is given to another one, in milliseconds. */
  readonly lockMs?: number;
  /** Queries of this process that may be in the queue at once; further ones wait in the process. */
  readonly maxInFlight?: number;
  /** Queries of this process that may wait for an answer; further ones get VM3008. */
  readonly maxPending?: number;
  /** How long to wait for Redis or PostgreSQL at the start, in milliseconds. */
  readonly connectTimeoutMs?: number;
  /** Told of troubles that no caller sees, such as lost connections. */
  readonly onError?: (error: unknown) => void;
}

export type QueueSettings = Required<Omit<QueueOptions, 'redisUrl' | 'postgresUrl'>>;

/**
 * Defaults. PostgreSQL gets fewer jobs in flight: each costs several transactions there, and its pool is small.
 * `lockMs` of 10 s: a killed worker's job runs again after 10 to 15 s.
 */
export function withDefaults(options: QueueOptions): QueueSettings {
  return {
    prefix: options.prefix,
    refreshAttempts: options.refreshAttempts ?? 5,
    refreshBackoffMs: options.refreshBackoffMs ?? 2000,
    keepSeconds: options.keepSeconds ?? 86_400,
    lockMs: options.lockMs ?? 10_000,
    maxInFlight: options.maxInFlight ?? (options.redisUrl === undefined ? 32 : 1000),
    maxPending: options.maxPending ?? 2000,
    connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
    onError: options.onError ?? (() => undefined),
  };
}
