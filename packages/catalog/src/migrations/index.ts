import type { Sql } from 'sql-template-tag';
import { initial } from './001-initial.ts';
import { delta } from './002-delta.ts';
import { shards } from './003-shards.ts';

export interface Migration {
  /** Counts from 1 without gaps; a published one never changes. */
  readonly version: number;
  readonly name: string;
  readonly statements: (schema: string) => readonly Sql[];
}

export const MIGRATIONS: readonly Migration[] = [
  { version: 1, name: 'initial', statements: initial },
  { version: 2, name: 'delta', statements: delta },
  { version: 3, name: 'shards', statements: shards },
];
