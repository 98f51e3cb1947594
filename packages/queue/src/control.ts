/** What callers tell the workers, all of them: whoever has the query heeds it. A message may be lost; each has something behind it. */
export type ControlMessage =
  /** Nobody waits for these queries any more. Behind it: they are gone from their job's data, which workers look up. */
  | { readonly cancel: readonly string[] }
  /** The reader of a stream takes so many chunks in all. Behind it: it is said again while nothing comes. */
  | { readonly grant: string; readonly chunks: number };

export interface ControlChannel {
  tell(message: ControlMessage): Promise<void>;
  /** Begins to hear what is told, and goes on when a lost connection is back. */
  hear(heed: (message: ControlMessage) => void): void;
}

/** Ids in one message: a notification of PostgreSQL holds 8000 bytes. */
export const MAX_IDS = 100;
