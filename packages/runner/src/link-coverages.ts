import { type HapiLayout, type LinkCoverage, readLinkCoverage } from '@viewmill/fhir-source';
import type { Pool } from 'pg';

const RENEW_AFTER_MS = 5 * 60_000;

/**
 * How well the index of references covers an element. Finding out reads the whole type, so it happens once; after five minutes
 * it is found out anew beside the queries, which go on with the old answer: that one is still right, only less sharp.
 */
export function linkCoverages(
  source: Pool,
  layout: HapiLayout,
): (resourceType: string, element: string) => Promise<LinkCoverage | null> {
  const known = new Map<string, { answer: Promise<LinkCoverage | null>; renewAt: number }>();
  return (resourceType, element) => {
    const key = `${resourceType}.${element}`;
    const read = (): Promise<LinkCoverage | null> => readLinkCoverage(source, layout, resourceType, element);
    let entry = known.get(key);
    if (entry === undefined) {
      const answer = read();
      entry = { answer, renewAt: Date.now() + RENEW_AFTER_MS };
      known.set(key, entry);
      answer.catch(() => known.delete(key));
    } else if (entry.renewAt < Date.now()) {
      const kept = entry;
      kept.renewAt = Date.now() + RENEW_AFTER_MS;
      read().then(
        (renewed) => {
          kept.answer = Promise.resolve(renewed);
        },
        () => undefined,
      );
    }
    return entry.answer;
  };
}
