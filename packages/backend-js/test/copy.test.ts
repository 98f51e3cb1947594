import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { useDatabase } from '@viewmill/testkit';
import type { Cast } from '@viewmill/views';
import { from as copyFrom } from 'pg-copy-streams';
import { describe, expect, it } from 'vitest';
import { compileRows, copyEncoder, parseResource, rowsOf, rowToJsonText } from '../src/index.ts';
import * as n from './nodes.ts';
import { VALUES } from './value-table.ts';

const SQL_TYPES: Readonly<Partial<Record<Cast, string>>> = { json: 'jsonb', float8: 'double precision' };

describe('what the encoder writes, PostgreSQL reads, and shows as rowToJsonText does', () => {
  const database = useDatabase();

  it.each(VALUES.flatMap(([cast, table]) => [[cast, false, table] as const, [cast, true, table] as const]))(
    '%s, collection: %s',
    async (cast, collection, table) => {
      const sqlType = `${SQL_TYPES[cast] ?? cast}${collection && cast !== 'json' ? '[]' : ''}`;
      const plan = n.plan([n.column('v', cast, { collection })], [n.select([n.value(0, n.path(collection ? 'v*' : 'v'))])]);
      const run = compileRows(plan);
      const encoder = copyEncoder(plan);
      const rows = table.flatMap(([json]) => rowsOf(run, parseResource(`{"v":${json}}`, { decimals: true })));
      for (const [ordinal, row] of rows.entries()) encoder.add(1, ordinal, row);

      const client = await database.pool.connect();
      try {
        await client.query(`set time zone 'UTC'; create temp table t (res_id bigint, ordinal integer, v ${sqlType})`);
        await pipeline(Readable.from([encoder.take()]), client.query(copyFrom('copy t from stdin')));
        const { rows: stored } = await client.query<{ json: string }>(
          `select row_to_json(r)::text as json from (select v from t order by ordinal) as r`,
        );
        const comparable = (text: string): unknown => (cast === 'json' ? JSON.parse(text) : text);
        expect(stored.map(({ json }) => comparable(json))).toEqual(rows.map((row) => comparable(rowToJsonText(plan, row))));
      } finally {
        await client.query('drop table if exists t');
        client.release();
      }
    },
  );
});
