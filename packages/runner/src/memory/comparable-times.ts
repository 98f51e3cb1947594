/** ISO 8601 as PostgreSQL reads it: a blank or T between date and time, seconds may be left out, zones with or without a colon. */
const DATE_TIME =
  /^\s*(\d{4,6})-(\d{1,2})-(\d{1,2})(?:(?:T|\s+)(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d*))?)?\s*(Z|UTC|GMT|[+-]\d{1,2}(?::?\d{2})?)?)?(\s+BC)?\s*$/i;
const TIME = /^\s*(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d*))?)?\s*$/;
const ENDLESS: ReadonlyMap<string, bigint> = new Map([
  ['infinity', 10n ** 30n],
  ['+infinity', 10n ** 30n],
  ['-infinity', -(10n ** 30n)],
  ['epoch', 0n],
]);

const DAY_SECONDS = 86_400;
const MAX_ZONE_MINUTES = 15 * 60 + 59;

/**
 * Microseconds since 1970 UTC. `date`: the day as written; `local`: the zone does not count; `instant`: no zone is UTC.
 * @returns undefined if it is none.
 */
export function readInstant(text: string, kind: 'date' | 'local' | 'instant'): bigint | undefined {
  const endless = ENDLESS.get(text.trim().toLowerCase());
  if (endless !== undefined) return endless;
  const match = DATE_TIME.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', zone = '', before] = match;
  const seconds = secondsOfDay(hour, minute, second);
  const offset = zoneMinutes(zone);
  const midnight = new Date(0);
  const number = before === undefined ? Number(year) : 1 - Number(year);
  midnight.setUTCFullYear(number, Number(month) - 1, Number(day));
  const isDay = Number(year) > 0 && midnight.getUTCMonth() === Number(month) - 1 && midnight.getUTCDate() === Number(day);
  if (!isDay || seconds === undefined || offset === undefined) return undefined;
  const start = BigInt(midnight.getTime()) * 1000n;
  if (kind === 'date') return start;
  const shift = kind === 'instant' ? offset * 60 : 0;
  return start + BigInt(seconds - shift) * 1_000_000n + BigInt(micros(fraction));
}

/** Microseconds since midnight, up to 24:00. */
export function readTime(text: string): number | undefined {
  const match = TIME.exec(text);
  if (match === null) return undefined;
  const [, hour = '', minute = '', second = '0', fraction = ''] = match;
  const seconds = secondsOfDay(hour, minute, second);
  if (seconds === undefined) return undefined;
  const time = seconds * 1_000_000 + micros(fraction);
  return time <= DAY_SECONDS * 1_000_000 ? time : undefined;
}

/** 24:00:00 is the end of the day, and second 60 the next minute. */
function secondsOfDay(hour: string, minute: string, second: string): number | undefined {
  const seconds = Number(hour) * 3600 + Number(minute) * 60 + Number(second);
  return Number(minute) < 60 && Number(second) <= 60 && seconds <= DAY_SECONDS ? seconds : undefined;
}

/** Rounded half to even, as PostgreSQL does. */
function micros(fraction: string): number {
  if (fraction.length <= 6) return Number(fraction.padEnd(6, '0'));
  const value = Number(`0.${fraction}`) * 1_000_000;
  const below = Math.floor(value);
  return value - below === 0.5 ? below + (below % 2) : Math.round(value);
}

/** East of UTC. */
function zoneMinutes(zone: string): number | undefined {
  const match = /^([+-])(\d{1,2}):?(\d{2})?$/.exec(zone);
  if (match === null) return 0;
  const minutes = Number(match[2]) * 60 + Number(match[3] ?? 0);
  if (minutes > MAX_ZONE_MINUTES || Number(match[3] ?? 0) > 59) return undefined;
  return match[1] === '-' ? -minutes : minutes;
}
