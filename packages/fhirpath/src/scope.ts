import type { ErrorCode, ViewmillError } from '@viewmill/contracts';
import type { Expression, ValueType } from './expression.ts';
import { fault } from './fault.ts';
import { positionOf, type Syntax } from './parse.ts';

/** A constant of the ViewDefinition: FHIR primitive type and value; numbers as number or text. */
export interface Constant {
  readonly fhirType: string;
  readonly value: string | number | boolean;
}

export interface CompileOptions {
  /** Type of the node that the expression starts on. It is one node. */
  readonly context: ValueType;
  /** Type of `%resource`. */
  readonly resource: ValueType;
  readonly constants?: ReadonlyMap<string, Constant>;
  /** For `repeat`: elements that the model does not have are empty, of type unknown, instead of an error. */
  readonly lenient?: boolean;
  /** JSON path of the text in the ViewDefinition, e.g. `select[0].column[2].path`. */
  readonly at: string;
}

/** What an expression is compiled in: the options, and what `$this` is here. */
export interface Scope extends CompileOptions {
  readonly text: string;
  readonly focus: ValueType;
  /** Compiles a subexpression; handed down so that the files of functions need not import the compiler. */
  readonly compile: (node: Syntax, scope: Scope) => Expression;
}

/** A function call. Without a source written, the source is `$this`. */
export interface Call {
  readonly name: string;
  readonly node: Syntax;
  readonly source: Expression;
  readonly args: readonly Syntax[];
  readonly scope: Scope;
}

export type FunctionHandler = (call: Call) => Expression;

/** The error to throw, at the node's position. */
export function problem(code: ErrorCode, message: string, node: Syntax, scope: Scope): ViewmillError {
  return fault(code, message, scope.at, positionOf(node));
}

/** @throws ViewmillError VM1004 if the number of arguments is not within the limits. */
export function expectArguments(call: Call, least: number, most = least): void {
  const given = call.args.length;
  if (given >= least && given <= most) return;
  const wanted =
    least === most
      ? least === 0
        ? 'no argument'
        : least === 1
          ? 'one argument'
          : `${least} arguments`
      : `${least} to ${most} arguments`;
  throw problem('VM1004', `${call.name}() takes ${wanted}, not ${given}`, call.node, call.scope);
}
