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
  /** Queries of a lane that one job carries at most. */
  readonly batch?: number;
  /** Queries of this process that may be in the queue at once, in each lane; further ones wait in the process. */
  readonly maxInFlight?: number;
  /** Queries of this process that may wait for an answer, in each lane; further ones get VM3008. */
  readonly maxPending?: number;
  /** As many of them may be of one client; further ones get VM2011. */
  readonly maxPendingOfClient?: number;
  /** How long to wait for Redis or PostgreSQL at the start, in milliseconds. */
  readonly connectTimeoutMs?: number;
  /** Told of troubles that no caller sees, such as lost connections. */
  readonly onError?: (error: unknown) => void;
}

export type QueueSettings = Required<Omit<QueueOptions, 'redisUrl' | 'postgresUrl'>>;

/**
 * Defaults. PostgreSQL gets fewer queries in flight: each answer costs a transaction there, and its pool is small.
 * `lockMs` of 10 s: a killed worker's job runs again after 10 to 15 s.
 */
export function withDefaults(options: QueueOptions): QueueSettings {
  return {
    prefix: options.prefix,
    refreshAttempts: options.refreshAttempts ?? 5,
    refreshBackoffMs: options.refreshBackoffMs ?? 2000,
    keepSeconds: options.keepSeconds ?? 86_400,
    lockMs: options.lockMs ?? 10_000,
    batch: options.batch ?? 64,
    maxInFlight: options.maxInFlight ?? (options.redisUrl === undefined ? 64 : 1000),
    maxPending: options.maxPending ?? 2000,
    maxPendingOfClient: options.maxPendingOfClient ?? options.maxPending ?? 2000,
    connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
    onError: options.onError ?? (() => undefined),
  };
}
