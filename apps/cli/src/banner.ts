export interface BannerFacts {
  readonly url: string;
  readonly database: string;
  /** What the runner `memory` reads; null: views are kept as tables. */
  readonly source: string | null;
  readonly queue: string;
  readonly dataDir: string | null;
  readonly views: number;
  readonly failed: readonly string[];
  readonly patient: string | null;
  readonly seconds: number;
}

/** What a person sees when everything is up: where to look, and a line that works as pasted. */
export function banner(facts: BannerFacts): string {
  const query =
    facts.patient === null ? 'observation_labs/execute?_count=3' : `observation_labs/execute?patient=${facts.patient}&_count=3`;
  const lines = [
    '',
    `  Viewmill is up (${facts.seconds.toFixed(1)} s)${facts.source === null ? `: ${facts.views} views` : ''}${facts.failed.length === 0 ? '' : `, failed: ${facts.failed.join(', ')}`}`,
    '',
    `  API and docs   ${facts.url}/docs`,
    `  Jobs           ${facts.url}/admin/queues`,
    ...placesOf(facts),
    `  Queue          ${facts.queue}`,
    ...(facts.dataDir === null ? [] : [`  Data           ${facts.dataDir} (delete it to begin anew)`]),
    '  Credentials    none: the server listens on loopback only',
    '',
    '  Try:',
    `    curl -s '${facts.url}/analytics/view-definitions/${query}'`,
    '',
    '  Ctrl-C stops everything; the data stays.',
    '',
  ];
  return lines.join('\n');
}

function placesOf({ url, database, source }: BannerFacts): readonly string[] {
  if (source !== null) {
    return [
      `  Views          ${url}/analytics/view-definitions`,
      `  Source         ${source} (read anew for every query)`,
      `  Database       ${database} (definitions only)`,
    ];
  }
  return [
    `  Views          ${url}/analytics/materialized-views`,
    `  Database       ${database}`,
    '                 (tables are in schema sqlonfhir, e.g. select * from sqlonfhir.patient_simple)',
  ];
}
