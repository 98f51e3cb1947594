import { ident } from '@viewmill/contracts';
import type { ViewPlan } from '@viewmill/views';
import type { PoolClient } from 'pg';
import sql, { join } from 'sql-template-tag';
import { type CopySink, copySink } from './copy-sink.ts';
import type { EncodedBlock } from './encode-block.ts';
import type { GenerationTables } from './generation-table.ts';
import { versionLog } from './version-log.ts';

/** Writes encoded blocks into the two tables of a generation, in the transaction that made them. */
export interface CopyWriter {
  /** Resolves when more may be written. @throws the error of PostgreSQL */
  write(block: EncodedBlock): Promise<void>;
  /** @throws the error of PostgreSQL */
  end(): Promise<void>;
  /** Gives up what is being written; the transaction is aborted. Never throws. */
  fail(): Promise<void>;
}

export function copyWriter(client: PoolClient, tables: GenerationTables, plan: ViewPlan): CopyWriter {
  const columns = join([sql`res_id`, sql`ordinal`, ...plan.columns.map(({ name }) => ident(name))]);
  const openRows = (): CopySink =>
    copySink(client, sql`copy ${tables.rows} (${columns}) from stdin with (freeze, encoding 'UTF8')`);
  const versions = versionLog();
  let rows = openRows();

  async function sendVersions(): Promise<void> {
    const sink = copySink(client, sql`copy ${tables.versions} (res_id, res_ver) from stdin with (format binary, freeze)`);
    for (const piece of versions.take()) await sink.write(piece);
    await sink.end();
  }

  return {
    async write(block) {
      if (block.lines.length > 0) await rows.write(block.lines);
      versions.add(block.versions);
      if (!versions.isFull()) return;
      // A connection has one COPY at a time.
      await rows.end();
      await sendVersions();
      rows = openRows();
    },
    async end() {
      await rows.end();
      await sendVersions();
    },
    fail: () => rows.fail(),
  };
}
