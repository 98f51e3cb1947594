import type { ExpressionVisitor } from '@viewmill/fhirpath';
import sql from 'sql-template-tag';
import { type Context, compileOne } from '../context.ts';
import { one, type SqlValue } from '../sql-value.ts';

/** FHIRPath's three-valued logic is SQL's. */
export const logic: Pick<ExpressionVisitor<SqlValue, Context>, 'not' | 'logic'> = {
  not: (node, context) => one('boolean', sql`(not ${compileOne(node.operand, context).sql})`),

  logic: (node, context) => {
    const left = compileOne(node.left, context).sql;
    const right = compileOne(node.right, context).sql;
    switch (node.operator) {
      case 'and':
        return one('boolean', sql`(${left} and ${right})`);
      case 'or':
        return one('boolean', sql`(${left} or ${right})`);
      case 'xor':
        return one('boolean', sql`(${left} <> ${right})`);
      case 'implies':
        return one('boolean', sql`((not ${left}) or ${right})`);
    }
  },
};
