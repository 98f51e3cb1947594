import type { ExpressionVisitor } from '@viewmill/fhirpath';
import sql from 'sql-template-tag';
import type { Context } from '../context.ts';
import { one, representationOf, type SqlValue, several } from '../sql-value.ts';

export const values: Pick<ExpressionVisitor<SqlValue, Context>, 'literal' | 'empty' | 'rowIndex'> = {
  literal: (node) => {
    const as = representationOf(node.type.system);
    if (as === 'boolean') return one('boolean', String(node.value) === 'true' ? sql`true` : sql`false`, true);
    if (as === 'numeric') return one('numeric', sql`${String(node.value)}::numeric`, true);
    return one('text', sql`${String(node.value)}::text`, true);
  },

  empty: (node) => {
    if (node.many) return several(sql`null::jsonb`);
    const as = representationOf(node.type.system);
    const nulls = { text: sql`null::text`, boolean: sql`null::boolean`, numeric: sql`null::numeric`, jsonb: sql`null::jsonb` };
    return one(as, nulls[as], true);
  },

  rowIndex: (_, context) => one('numeric', sql`(${context.rowIndex})::numeric`, true),
};
