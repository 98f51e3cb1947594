import { type HapiLayout, type LinkCoverage, type PatientElement, readLinkCoverage } from '@viewmill/fhir-source';
import type { Pool } from 'pg';

const KEEP_MS = 5 * 60_000;

/** How well the index of references covers a type, asked once in five minutes; a failure is not remembered. */
export function linkCoverages(
  source: Pool,
  layout: HapiLayout,
): (resourceType: string, element: PatientElement) => Promise<LinkCoverage | null> {
  const known = new Map<string, { readonly until: number; readonly answer: Promise<LinkCoverage | null> }>();
  return (resourceType, element) => {
    const key = `${resourceType}.${element}`;
    const kept = known.get(key);
    if (kept !== undefined && kept.until > Date.now()) return kept.answer;
    const answer = readLinkCoverage(source, layout, resourceType, element);
    known.set(key, { until: Date.now() + KEEP_MS, answer });
    answer.catch(() => known.delete(key));
    return answer;
  };
}
