/** Time of the demo stands still: nothing in it happens after this moment. */
export const REFERENCE_TIME = Date.UTC(2025, 5, 30);

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
export const YEAR = 365.25 * DAY;

/** The hospital's clock is five hours behind UTC, all year. */
const OFFSET = -5 * HOUR;

/** `2019-03-20T02:43:19-05:00` */
export function toDateTime(time: number): string {
  return `${new Date(time + OFFSET).toISOString().slice(0, 19)}-05:00`;
}

/** `2019-03-20T02:43:19.205-05:00` */
export function toInstant(time: number): string {
  return `${new Date(time + OFFSET).toISOString().slice(0, 23)}-05:00`;
}

/** `2019-03-20`, by the hospital's clock */
export function toDate(time: number): string {
  return new Date(time + OFFSET).toISOString().slice(0, 10);
}

/** PostgreSQL's `timestamp` in UTC. */
export function toTimestamp(time: number): string {
  const second = Math.floor(time / 1000);
  // Two hundred resources are loaded in a second, and formatting a date is dear.
  if (second !== lastSecond) {
    lastSecond = second;
    lastPrefix = new Date(second * 1000).toISOString().slice(0, 20).replace('T', ' ');
  }
  return `${lastPrefix}${String(time - second * 1000).padStart(3, '0')}`;
}

let lastSecond = Number.NaN;
let lastPrefix = '';

/**
 * The first and the last moment that a FHIR date or dateTime of any precision stands for, as PostgreSQL timestamps.
 * A date without a time is taken in UTC, as HAPI does on a server that runs in UTC.
 */
export function boundaries(text: string): Boundaries {
  // All observations of a visit ask for the same moment.
  if (text !== lastText) {
    lastBoundaries = computeBoundaries(text);
    lastText = text;
  }
  return lastBoundaries;
}

interface Boundaries {
  readonly low: string;
  readonly high: string;
}

let lastText = '';
let lastBoundaries: Boundaries = { low: '', high: '' };

function computeBoundaries(text: string): Boundaries {
  if (text.length > 10) {
    const moment = toTimestamp(Date.parse(text));
    return { low: moment, high: moment };
  }
  const [year, month, day] = text.split('-').map(Number) as [number, number?, number?];
  const start = Date.UTC(year, (month ?? 1) - 1, day ?? 1);
  const next = day ? start + DAY : month ? Date.UTC(year, month, 1) : Date.UTC(year + 1, 0, 1);
  return { low: toTimestamp(start), high: toTimestamp(next - 1) };
}
