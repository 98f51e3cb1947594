import type { Boundary } from '@viewmill/fhirpath';
import type { Item } from './json.ts';
import { decimalBoundary, isNumeric } from './numbers.ts';
import { daysInMonth, readDateTime, readTime, type TemporalText } from './temporal.ts';

type Side = Boundary['side'];

/** `lowBoundary()` and `highBoundary()` by what they are of; a text that is not of the type has none. */
export const BOUNDARY: Readonly<Record<Boundary['of'], (value: Item, side: Side) => Item | undefined>> = {
  decimal: (value, side) => (isNumeric(value) ? decimalBoundary(value, side) : undefined),
  date: (value, side) => {
    const text = readDateTime(value);
    return text === null ? undefined : dateBoundary(text, side);
  },
  dateTime: (value, side) => {
    const text = readDateTime(value);
    if (text === null) return undefined;
    return `${dateBoundary(text, side)}T${timeBoundary(text, side)}${text.zone ?? (side === 'low' ? '+14:00' : '-12:00')}`;
  },
  time: (value, side) => {
    const text = readTime(value);
    return text === null ? undefined : timeBoundary(text, side);
  },
};

function dateBoundary({ year, month, day }: TemporalText, side: Side): string {
  if (side === 'low') return `${year}-${month ?? '01'}-${day ?? '01'}`;
  const last = month ?? '12';
  return `${year}-${last}-${day ?? daysInMonth(Number(year), Number(last))}`;
}

function timeBoundary({ hour, minute, second, fraction }: TemporalText, side: Side): string {
  if (side === 'low') return `${hour ?? '00'}:${minute ?? '00'}:${second ?? '00'}.${(fraction ?? '').slice(0, 3).padEnd(3, '0')}`;
  return `${hour ?? '23'}:${minute ?? '59'}:${second ?? '59'}.${(fraction ?? '').slice(0, 3).padEnd(3, '9')}`;
}
