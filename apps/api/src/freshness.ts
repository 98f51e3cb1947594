import { type Freshness, ViewmillError } from '@viewmill/contracts';
import type { FastifyRequest } from 'fastify';

/** `freshness=exact` among the preferences of RFC 7240: separated by commas, values perhaps quoted. */
const PREFERENCE = /(?:^|,)\s*freshness\s*=\s*("?)([^",;]*)\1/i;

/**
 * How fresh the answer has to be: parameter `freshness`, else the header `Prefer: freshness=…`: `exact`, `bounded:<seconds>` or `any`.
 * @throws ViewmillError VM2001 for anything else in the parameter; an unknown preference counts as none, as RFC 7240 wants it.
 */
export function freshnessOf(request: Pick<FastifyRequest, 'query' | 'headers'>): Freshness {
  const asked = (request.query as { freshness?: unknown } | undefined)?.freshness;
  if (asked !== undefined) {
    const freshness = parse(String(asked));
    if (freshness === null)
      throw new ViewmillError('VM2001', 'freshness must be exact, any or bounded:<seconds>', { at: 'freshness' });
    return freshness;
  }
  const preferred = PREFERENCE.exec([request.headers.prefer ?? ''].flat().join(','))?.[2];
  return (preferred === undefined ? null : parse(preferred.trim())) ?? 'any';
}

function parse(text: string): Freshness | null {
  if (text === 'any' || text === 'exact') return text;
  const seconds = /^bounded:(\d{1,9}(?:\.\d{1,3})?)$/.exec(text)?.[1];
  return seconds === undefined ? null : { bounded: Number(seconds) };
}
