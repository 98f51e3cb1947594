import type { ExpressionVisitor } from '@viewmill/fhirpath';
import sql, { raw } from 'sql-template-tag';
import { type Context, compileOne } from '../context.ts';
import { one, type SqlValue } from '../sql-value.ts';

/** Exact decimal arithmetic; results carry no zeros at their end. */
export const numbers: Pick<ExpressionVisitor<SqlValue, Context>, 'arithmetic' | 'negate'> = {
  arithmetic: (node, context) => {
    const left = compileOne(node.left, context).sql;
    const right = compileOne(node.right, context).sql;
    switch (node.operator) {
      case '+':
      case '-':
      case '*':
        return one('numeric', sql`trim_scale(${left} ${raw(node.operator)} ${right})`);
      case '/':
        // numeric's own division rounds once before round() does; div() cuts off, and the ninth place alone decides half away from zero.
        return one('numeric', sql`trim_scale(round(div(${left} * 1000000000, nullif(${right}, 0)) * 0.000000001, 8))`);
      case 'div':
        return one('numeric', sql`div(${left}, nullif(${right}, 0))`);
      case 'mod':
        return one('numeric', sql`trim_scale(mod(${left}, nullif(${right}, 0)))`);
    }
  },

  negate: (node, context) => one('numeric', sql`(- ${compileOne(node.operand, context).sql})`),
};
