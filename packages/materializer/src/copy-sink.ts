import type { PoolClient } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import type { Sql } from 'sql-template-tag';

/** `COPY … FROM STDIN` that is written to in large pieces. */
export interface CopySink {
  /** Resolves when more may be written. @throws the error of PostgreSQL */
  write(bytes: Uint8Array): Promise<void>;
  /** @returns how many rows were copied. @throws the error of PostgreSQL */
  end(): Promise<number>;
  /** Ends the COPY without its rows; the connection stays usable, its transaction is aborted. Never throws. */
  fail(): Promise<void>;
}

/** So much may wait for the server before the writer does. */
const AHEAD_BYTES = 512 * 1024;

export function copySink(client: PoolClient, statement: Sql): CopySink {
  const stream = client.query(copyFrom(statement.text, { highWaterMark: AHEAD_BYTES }));
  // An error of the server is only emitted: the stream itself does not know of it and would go on.
  let failure: Error | undefined;
  const closed = new Promise<void>((resolve) => {
    stream.once('finish', resolve);
    stream.on('error', (error) => {
      failure ??= error;
      resolve();
    });
  });
  return {
    async write(bytes) {
      if (failure !== undefined) throw failure;
      if (stream.write(bytes)) return;
      await Promise.race([new Promise<void>((resolve) => stream.once('drain', resolve)), closed]);
      if (failure !== undefined) throw failure;
    },
    async end() {
      if (failure === undefined) stream.end();
      await closed;
      if (failure !== undefined) throw failure;
      return stream.rowCount;
    },
    async fail() {
      if (failure === undefined && !stream.writableFinished) stream.destroy(new Error('the build was given up'));
      if (!stream.writableFinished) await closed;
    },
  };
}
