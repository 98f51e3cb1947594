/** Dates, dateTimes, instants and times of day in FHIR's text form (R4 datatypes), read once for comparison, boundaries and casts. */

const DATE_TIME =
  /^(?!0000)(\d{4})(?:-(0[1-9]|1[0-2])(?:-(0[1-9]|[12]\d|3[01])(?:T([01]\d|2[0-3])(?::([0-5]\d)(?::([0-5]\d|60)(?:\.(\d+))?)?)?(Z|[-+](?:(?:0\d|1[0-3]):[0-5]\d|14:00))?)?)?)?T?$/;
const TIME = /^([01]\d|2[0-3])(?::([0-5]\d)(?::([0-5]\d|60)(?:\.(\d+))?)?)?$/;

/** How far a text goes. Seconds and fractions are one precision (FHIRPath §6.2). */
export const PRECISION = { year: 0, month: 1, day: 2, hour: 3, minute: 4, second: 5 } as const;
export type Precision = (typeof PRECISION)[keyof typeof PRECISION];

/** The parts as written; those that are not written are null. */
export interface TemporalText {
  readonly year: string;
  readonly month: string | null;
  readonly day: string | null;
  readonly hour: string | null;
  readonly minute: string | null;
  readonly second: string | null;
  readonly fraction: string | null;
  readonly zone: string | null;
  readonly precision: Precision;
}

/** An instant or a time of day: whole seconds (since 1970 UTC, since midnight) and microseconds. */
export interface Instant {
  readonly seconds: number;
  readonly micros: number;
}

/** @returns null if the text is not a date, a dateTime or an instant. */
export function readDateTime(text: unknown): TemporalText | null {
  const match = typeof text === 'string' ? DATE_TIME.exec(text) : null;
  if (match === null) return null;
  const [, year = '', month = null, day = null, hour = null, minute = null, second = null, fraction = null, zone = null] = match;
  const precision = second !== null ? 5 : minute !== null ? 4 : hour !== null ? 3 : day !== null ? 2 : month !== null ? 1 : 0;
  return { year, month, day, hour, minute, second, fraction, zone, precision };
}

/** @returns null if the text is not a time of day. */
export function readTime(text: unknown): TemporalText | null {
  const match = typeof text === 'string' ? TIME.exec(text) : null;
  if (match === null) return null;
  const [, hour = null, minute = null, second = null, fraction = null] = match;
  const precision = second !== null ? 5 : minute !== null ? 4 : 3;
  return { year: '1970', month: '01', day: '01', hour, minute, second, fraction, zone: null, precision };
}

/**
 * The first instant of what is written; no zone is UTC. A day that its month does not have counts on into the next month.
 * @param precision parts beyond it are left out, after the zone is taken into account.
 */
export function instantOf(text: TemporalText, precision: number = PRECISION.second): Instant {
  const micros = microsOf(text.fraction);
  const carry = micros === 1_000_000 ? 1 : 0;
  const date = new Date(0);
  date.setUTCFullYear(Number(text.year), Number(text.month ?? 1) - 1, Number(text.day ?? 1));
  date.setUTCHours(Number(text.hour ?? 0), Number(text.minute ?? 0) - zoneMinutes(text.zone), Number(text.second ?? 0) + carry);
  if (precision === PRECISION.year) date.setUTCMonth(0, 1);
  if (precision === PRECISION.month) date.setUTCDate(1);
  if (precision <= PRECISION.day) date.setUTCHours(0, 0, 0);
  if (precision === PRECISION.hour) date.setUTCMinutes(0, 0);
  if (precision === PRECISION.minute) date.setUTCSeconds(0);
  return { seconds: date.getTime() / 1000, micros: precision < PRECISION.second || carry === 1 ? 0 : micros };
}

/**
 * Compares at the coarser precision (FHIRPath §6.2).
 * @returns below, at or above 0; undefined if they are equal there but written to different precisions.
 */
export function compareTemporal(a: TemporalText, b: TemporalText): number | undefined {
  const precision = Math.min(a.precision, b.precision);
  const x = instantOf(a, precision);
  const y = instantOf(b, precision);
  const difference = x.seconds - y.seconds || x.micros - y.micros;
  return difference === 0 && a.precision !== b.precision ? undefined : difference;
}

export function daysInMonth(year: number, month: number): number {
  const date = new Date(0);
  date.setUTCFullYear(year, month, 0);
  return date.getUTCDate();
}

function zoneMinutes(zone: string | null): number {
  if (zone === null || zone === 'Z') return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4, 6));
  return zone.startsWith('-') ? -minutes : minutes;
}

/** Microseconds of the digits after the point, rounded half to even as PostgreSQL does; may be 1 000 000. */
function microsOf(fraction: string | null): number {
  if (fraction === null) return 0;
  if (fraction.length <= 6) return Number(fraction.padEnd(6, '0'));
  const micros = Number(`0.${fraction}`) * 1_000_000;
  const below = Math.floor(micros);
  return micros - below === 0.5 ? below + (below % 2) : Math.round(micros);
}
