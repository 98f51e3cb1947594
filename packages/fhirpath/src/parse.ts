import { parse } from 'fhirpath';
import { fault, type Position } from './fault.ts';

/** A node of the syntax tree that fhirpath.js makes; only what the compiler reads. Positions count from 1. */
export interface Syntax {
  readonly type: string;
  readonly text?: string;
  readonly delimitedText?: string;
  readonly start?: Position;
  readonly children?: readonly Syntax[];
}

/**
 * FHIRPath text to syntax tree.
 * @throws ViewmillError VM1001 with the position of the first error.
 */
export function parseText(text: string, at: string): Syntax {
  try {
    return parse(text) as Syntax;
  } catch (error) {
    if (error instanceof RangeError) throw error;
    const [position, message] = firstError(error) ?? firstErrorBefore(text);
    throw fault('VM1001', `${message} (line ${position.line}, column ${position.column})`, at, position);
  }
}

/** Names such as Narrative.div or %day, which the grammar takes for operators and units. */
const KEYWORD = /^mismatched input '(div|mod|(?:year|month|week|day|hour|minute|second|millisecond)s?)'$/u;

/** ANTLR reports [recognizer, symbol, line from 1, column from 0, message, exception]. */
function firstError(error: unknown): readonly [Position, string] | undefined {
  const errors = (error as { errors?: readonly (readonly unknown[])[] }).errors;
  const first = errors?.[0];
  if (first === undefined) return undefined;
  const message = String(first[4])
    .replace(/ expecting \{.*$/su, '')
    .replace(KEYWORD, '$& (a keyword: as a name, write `$1` in back quotes)');
  return [{ line: Number(first[2]), column: Number(first[3]) + 1 }, message];
}

/**
 * The parser crashes on some broken texts (`a..b`) before it reports. What it says of the beginning up to there is the
 * fault: the shortest beginning that crashes is searched by halves, since a longer one crashes too.
 */
function firstErrorBefore(text: string): readonly [Position, string] {
  let [reported, crashing] = [0, text.length];
  let found: readonly [Position, string] = [{ line: 1, column: 1 }, 'syntax error'];
  while (crashing - reported > 1) {
    const middle = Math.floor((reported + crashing) / 2);
    try {
      parse(text.slice(0, middle));
      reported = middle;
    } catch (error) {
      const first = firstError(error);
      if (first === undefined) crashing = middle;
      else [reported, found] = [middle, first];
    }
  }
  return found;
}

/** The first position below a node; operators and calls carry it themselves. */
export function positionOf(node: Syntax): Position | undefined {
  if (node.start !== undefined) return node.start;
  for (const child of node.children ?? []) {
    const position = positionOf(child);
    if (position !== undefined) return position;
  }
  return undefined;
}

/** Nodes that only wrap one other, without a meaning of their own. */
const WRAPPERS = new Set(['EntireExpression', 'TermExpression', 'InvocationTerm', 'ParenthesizedTerm']);

/** The node that means something: without wrappers and parentheses. */
export function unwrap(node: Syntax): Syntax {
  let current = node;
  while (WRAPPERS.has(current.type) && current.children?.length === 1 && current.children[0] !== undefined)
    current = current.children[0];
  return current;
}

/** `name` or a name in back quotes as the bare name. */
export function identifier(text: string): string {
  return text.startsWith('`') ? unescapeText(text.slice(1, -1)) : text;
}

const ESCAPES: Readonly<Record<string, string>> = { f: '\f', n: '\n', r: '\r', t: '\t' };

/** Resolves the escapes of a FHIRPath string (§4.1.2): \' \" \` \\ \/ \f \n \r \t and \uXXXX. */
export function unescapeText(text: string): string {
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|(.))/gsu, (_, hex: string | undefined, character: string | undefined) =>
    hex === undefined ? (ESCAPES[character ?? ''] ?? character ?? '') : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** `Quantity` or `FHIR.Quantity` written as an argument; undefined if it is anything else. */
export function qualifiedName(node: Syntax): string | undefined {
  const inner = unwrap(node);
  if (inner.type === 'MemberInvocation') return identifier(inner.text ?? '');
  if (inner.type !== 'InvocationExpression') return undefined;
  const [left, right] = inner.children ?? [];
  const prefix = left === undefined ? undefined : qualifiedName(left);
  return prefix === undefined || right?.type !== 'MemberInvocation' ? undefined : `${prefix}.${identifier(right.text ?? '')}`;
}
