import type { Expression, SystemType } from './expression.ts';
import { BOOLEAN, DECIMAL, INTEGER, STRING, UNKNOWN, valueType } from './model.ts';
import { emptyOf, literal } from './nodes.ts';
import { type Syntax, unescapeText } from './parse.ts';
import { problem, type Scope } from './scope.ts';

const DATE = String.raw`(\d{4})(?:-(0[1-9]|1[0-2])(?:-(0[1-9]|[12]\d|3[01]))?)?`;
const TIME = String.raw`(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?`;
const ZONE = String.raw`(?:Z|[+-](?:0\d|1[0-3]):[0-5]\d|[+-]14:00)`;

const TEMPORAL: Readonly<Record<'Date' | 'DateTime' | 'Time', RegExp>> = {
  Date: new RegExp(`^${DATE}$`, 'u'),
  DateTime: new RegExp(`^${DATE}(?:T${TIME}${ZONE}?)?$`, 'u'),
  Time: new RegExp(`^${TIME}$`, 'u'),
};

/** Whether the text is a possible date, dateTime (zone optional) or time of day, partial ones included. */
export function isTemporalText(system: 'Date' | 'DateTime' | 'Time', text: string): boolean {
  const match = TEMPORAL[system].exec(text);
  if (match === null) return false;
  const [, year, month, day] = match;
  if (system === 'Time') return true;
  if (day === undefined) return !text.includes('T');
  return Number(day) <= new Date(Date.UTC(Number(year) === 0 ? 4 : Number(year), Number(month), 0)).getUTCDate();
}

type LiteralHandler = (text: string, syntax: Syntax, scope: Scope) => Expression;

/** By the syntax node's type. Quantities and longs are not in the subset of SQL on FHIR. */
const LITERALS: Readonly<Record<string, LiteralHandler>> = {
  NullLiteral: () => emptyOf(UNKNOWN),
  BooleanLiteral: (text) => literal(BOOLEAN, text === 'true'),
  StringLiteral: (text) => literal(STRING, unescapeText(text.slice(1, -1))),
  NumberLiteral: (text) => literal(text.includes('.') ? DECIMAL : INTEGER, text.replace(/^0+(?=\d)/u, '')),
  DateLiteral: (text, syntax, scope) => temporal('Date', 'date', text.slice(1), syntax, scope),
  DateTimeLiteral: (text, syntax, scope) => temporal('DateTime', 'dateTime', text.slice(1).replace(/T$/u, ''), syntax, scope),
  TimeLiteral: (text, syntax, scope) => temporal('Time', 'time', text.slice(2), syntax, scope),
};

/** A literal as written. @throws ViewmillError VM1001 for an impossible date or time, VM1002 for a quantity */
export function compileLiteral(syntax: Syntax, scope: Scope): Expression {
  const inner = syntax.children?.[0];
  const handler = LITERALS[inner?.type ?? ''];
  if (handler === undefined)
    throw problem('VM1002', `the literal ${syntax.text ?? ''} is not supported: ${hint(inner?.type)}`, syntax, scope);
  return handler(inner?.text ?? syntax.text ?? '', syntax, scope);
}

function temporal(
  system: Extract<SystemType, 'Date' | 'DateTime' | 'Time'>,
  fhir: string,
  text: string,
  syntax: Syntax,
  scope: Scope,
): Expression {
  if (/(?:^|T)\d\d(?:Z|[+-].*)?$/u.test(text) && system !== 'Date') {
    throw problem('VM1002', 'a time with hours only is not supported: write the minutes too', syntax, scope);
  }
  if (!isTemporalText(system, text)) throw problem('VM1001', `there is no ${fhir} ${text}`, syntax, scope);
  return literal(valueType(fhir), text);
}

function hint(type: string | undefined): string {
  if (type === 'QuantityLiteral') return 'compare value and unit on their own';
  return type === 'LongNumberLiteral' ? 'write an integer' : 'see the reference';
}
