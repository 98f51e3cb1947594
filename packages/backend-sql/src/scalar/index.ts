import { type Expression, type ExpressionVisitor, visit } from '@viewmill/fhirpath';
import type { Context } from '../context.ts';
import type { SqlValue } from '../sql-value.ts';
import { boundary } from './boundary.ts';
import { comparison } from './comparison.ts';
import { existence } from './existence.ts';
import { logic } from './logic.ts';
import { navigation } from './navigation.ts';
import { numbers } from './numbers.ts';
import { strings } from './strings.ts';
import { values } from './values.ts';

/** One handler a kind of expression, in groups. */
const visitor: ExpressionVisitor<SqlValue, Context> = {
  ...values,
  ...navigation,
  ...existence,
  ...logic,
  ...comparison,
  ...numbers,
  ...strings,
  ...boundary,
};

/** Compiles an expression to the SQL that computes it from the row's resource and focus. */
export function compileExpression(node: Expression, context: Context): SqlValue {
  return visit(visitor, node, context);
}
