import { ViewmillError } from '@viewmill/contracts';

const MAX_WAIT_MS = 600_000;

/**
 * `?wait=10s`, `500ms`, `2m` or plain seconds → milliseconds, at most ten minutes. Undefined: 0.
 * @throws ViewmillError VM2001
 */
export function waitOf(text: string | undefined): number {
  if (text === undefined) return 0;
  const match = /^(\d{1,6})(ms|s|m)?$/.exec(text);
  if (match === null) throw new ViewmillError('VM2001', 'wait must be a duration such as 10s, 500ms or 2m', { at: 'wait' });
  const unit = { ms: 1, s: 1000, m: 60_000 }[match[2] ?? 's'] ?? 1000;
  return Math.min(Number(match[1]) * unit, MAX_WAIT_MS);
}
