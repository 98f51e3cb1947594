import type { Item } from './json.ts';
import { type Instant, instantOf, PRECISION, readDateTime, readTime, type TemporalText } from './temporal.ts';

/**
 * The four temporal casts. Results are texts that PostgreSQL reads; what is not of FHIR's format (R4 datatypes: date to the
 * year, month or day, time always with seconds) is null. Most values are good as they stand: one regular expression says so.
 */
const PLAIN_DATE =
  /^(?!0000)\d{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)$/;
const PLAIN_INSTANT =
  /^(?!0000)\d{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?(?:Z|[-+](?:(?:0\d|1[0-3]):[0-5]\d|14:00))$/;
const PLAIN_TIME = /^(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?$/;

const SECONDS_PER_DAY = 86_400;

/** The date as written, whatever the zone; 2012-02-31 counts on to 2012-03-02. */
export function castDate(item: Item): string | null {
  if (typeof item === 'string' && PLAIN_DATE.test(item)) return item;
  const text = read(item);
  if (text === null) return null;
  return formatInstant(instantOf({ ...text, zone: null }, PRECISION.day)).replace('T00:00:00', '');
}

export function castTimestamptz(item: Item): string | null {
  if (typeof item === 'string' && PLAIN_INSTANT.test(item)) return item;
  const text = read(item);
  return text === null ? null : withZone(formatInstant(instantOf(text)), 'Z');
}

/** In UTC. */
export function castTimestamp(item: Item): string | null {
  if (typeof item === 'string' && item.endsWith('Z') && PLAIN_INSTANT.test(item)) return item.slice(0, -1);
  const text = read(item);
  return text === null ? null : formatInstant(instantOf(text));
}

/** Up to 24:00:00, which a leap second or a rounded fraction can give. */
export function castTime(item: Item): string | null {
  if (typeof item === 'string' && PLAIN_TIME.test(item)) return item;
  const text = readTime(item);
  if (text === null || text.precision !== PRECISION.second) return null;
  const instant = instantOf(text);
  if (instant.seconds < SECONDS_PER_DAY) return formatInstant(instant).slice('1970-01-01T'.length);
  return instant.seconds === SECONDS_PER_DAY && instant.micros === 0 ? '24:00:00' : null;
}

/**
 * As PostgreSQL prints a timestamp in JSON: `2015-02-07T13:28:17.239`, without zeros at the end of the fraction;
 * years before 1 end in ` BC`.
 */
export function formatInstant({ seconds, micros }: Instant): string {
  const date = new Date(seconds * 1000);
  const year = date.getUTCFullYear();
  const shown = String(year > 0 ? year : 1 - year).padStart(4, '0');
  const rest = date.toISOString().slice(-20, -5);
  const fraction = micros === 0 ? '' : `.${String(micros).padStart(6, '0').replace(/0+$/, '')}`;
  return `${shown}${rest}${fraction}${year > 0 ? '' : ' BC'}`;
}

/** Puts a zone where it belongs, before ` BC`. */
export function withZone(timestamp: string, zone: string): string {
  return timestamp.endsWith(' BC') ? `${timestamp.slice(0, -3)}${zone} BC` : timestamp + zone;
}

/** A date or a full time stamp; hours or minutes without seconds are FHIRPath, not FHIR. */
function read(item: Item): TemporalText | null {
  const text = readDateTime(item);
  if (text === null || text.precision === PRECISION.hour || text.precision === PRECISION.minute) return null;
  return text;
}
