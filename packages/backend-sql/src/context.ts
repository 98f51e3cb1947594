import type { Expression } from '@viewmill/fhirpath';
import type { Sql } from 'sql-template-tag';
import type { Names } from './names.ts';
import type { One, SqlValue } from './sql-value.ts';

/** What an expression is compiled in. */
export interface Context {
  readonly resource: One;
  /** `%context`: the node that the whole expression starts on. */
  readonly context: One;
  /** `$this`. */
  readonly focus: One;
  /** 0-based, never null, an SQL integer. */
  readonly rowIndex: Sql;
  /** The place in the ViewDefinition, for runtime errors. */
  readonly at: string;
  readonly names: Names;
  /** Compiles a part of the expression. */
  readonly compile: (node: Expression, context: Context) => SqlValue;
}

/** Compiles an operand that the compiler made single. */
export function compileOne(node: Expression, context: Context): One {
  const value = context.compile(node, context);
  if (value.many) throw new Error(`${context.at}: a ${node.kind} may be several where one is expected`);
  return value;
}
