/** A half-open stretch of time, as ISO instants: what a FHIR date search value of some precision stands for. */
export interface InstantRange {
  readonly from: string;
  /** Exclusive; `infinity` at the end of the calendar. */
  readonly to: string;
}

const PATTERN = /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d)?)?)?)?$/;
const LAST_INSTANT = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/**
 * `2024` is the whole year, `2024-02-29T10:00Z` that minute, with a fraction that millisecond. No zone is UTC.
 * Null if it is not a FHIR date, dateTime or instant, or no day of the calendar.
 */
export function instantRange(text: string): InstantRange | null {
  const match = PATTERN.exec(text);
  if (match === null) return null;
  const [, year, month, day, time, second, fraction, zone] = match;
  const date = `${year}-${month ?? '01'}-${day ?? '01'}`;
  const local = Date.parse(`${date}T${time ?? '00:00'}:${second ?? '00'}.${(fraction ?? '').padEnd(3, '0').slice(0, 3)}Z`);
  const offset = zoneOffset(zone);
  // Date.parse takes 30 February for 1 March.
  if (year === '0000' || offset === null || Number.isNaN(local) || !new Date(local).toISOString().startsWith(date)) return null;

  const end = new Date(local);
  if (month === undefined) end.setUTCFullYear(end.getUTCFullYear() + 1);
  else if (day === undefined) end.setUTCMonth(end.getUTCMonth() + 1);
  else if (time === undefined) end.setUTCDate(end.getUTCDate() + 1);
  else if (second === undefined) end.setUTCMinutes(end.getUTCMinutes() + 1);
  else if (fraction === undefined) end.setUTCSeconds(end.getUTCSeconds() + 1);
  else end.setUTCMilliseconds(end.getUTCMilliseconds() + 1);
  const to = end.getTime() - offset;
  return { from: new Date(local - offset).toISOString(), to: to > LAST_INSTANT ? 'infinity' : new Date(to).toISOString() };
}

/** Milliseconds east of UTC; null if there is no such offset. */
function zoneOffset(zone: string | undefined): number | null {
  if (zone === undefined || zone === 'Z') return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(4));
  if (hours > 14 || minutes > 59) return null;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}
