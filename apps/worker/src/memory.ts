import { type Settings, ViewmillError } from '@viewmill/contracts';
import { ndjsonSource, restSource, type SmartOptions, type TextSource } from '@viewmill/fhir-source';
import type { Logger } from '@viewmill/observability';
import { createMemoryRunner, type ViewRunner } from '@viewmill/runner';

/** So many broken lines are named in the log; queries read them again and again. */
const MAX_REPORTED = 1000;

/**
 * The source of the runner `memory`; null for the others.
 * @throws ViewmillError VM3005 that names the setting at fault.
 */
export function textSourceOf(settings: Settings): TextSource | null {
  if (settings.VIEWDEF_RUNNER !== 'memory') return null;
  const { FHIR_BASE_URL, FHIR_NDJSON_DIR } = settings;
  if (FHIR_BASE_URL !== undefined && FHIR_NDJSON_DIR !== undefined)
    throw invalid('FHIR_NDJSON_DIR', 'FHIR_BASE_URL and FHIR_NDJSON_DIR are both set: the runner memory reads one of them');
  if (FHIR_NDJSON_DIR !== undefined) return ndjsonSource({ folder: FHIR_NDJSON_DIR });
  if (FHIR_BASE_URL === undefined) throw invalid('FHIR_BASE_URL', 'the runner memory needs FHIR_BASE_URL or FHIR_NDJSON_DIR');
  return restSource({
    baseUrl: FHIR_BASE_URL,
    authorization: settings.FHIR_AUTHORIZATION,
    smart: smartOf(settings),
    pageSize: settings.FHIR_PAGE_SIZE,
  });
}

function smartOf(settings: Settings): SmartOptions | undefined {
  const { FHIR_CLIENT_ID, FHIR_PRIVATE_KEY_FILE, FHIR_TOKEN_URL, FHIR_SCOPE, FHIR_AUTHORIZATION } = settings;
  if (FHIR_CLIENT_ID === undefined && FHIR_PRIVATE_KEY_FILE === undefined) return undefined;
  if (FHIR_CLIENT_ID === undefined) throw invalid('FHIR_CLIENT_ID', 'FHIR_PRIVATE_KEY_FILE needs FHIR_CLIENT_ID as well');
  if (FHIR_PRIVATE_KEY_FILE === undefined)
    throw invalid('FHIR_PRIVATE_KEY_FILE', 'FHIR_CLIENT_ID needs FHIR_PRIVATE_KEY_FILE as well');
  if (FHIR_AUTHORIZATION !== undefined)
    throw invalid('FHIR_AUTHORIZATION', 'FHIR_AUTHORIZATION and FHIR_CLIENT_ID are both set: use one of them');
  if (FHIR_TOKEN_URL !== undefined && !/^https?:\/\//.test(FHIR_TOKEN_URL))
    throw invalid('FHIR_TOKEN_URL', 'FHIR_TOKEN_URL is no http(s) address');
  return {
    tokenUrl: FHIR_TOKEN_URL ?? null,
    clientId: FHIR_CLIENT_ID,
    privateKeyFile: FHIR_PRIVATE_KEY_FILE,
    scope: FHIR_SCOPE,
  };
}

export function memoryRunner(source: TextSource, settings: Settings, log: Logger): ViewRunner {
  const reported = new Set<string>();
  return createMemoryRunner({
    source,
    maxRows: settings.MAX_ROWS,
    onBroken: (place) => {
      if (reported.has(place) || reported.size >= MAX_REPORTED) return;
      reported.add(place);
      log.warn({ place }, 'a resource that cannot be read is left out');
    },
  });
}

/** What a refresh is told: there are no HAPI tables to build from. */
export function refuseRefresh(): never {
  throw new ViewmillError(
    'VM3025',
    'VIEWDEF_RUNNER=memory computes every query from the FHIR server or the files; views are materialized from HAPI tables only',
  );
}

function invalid(at: string, message: string): ViewmillError {
  return new ViewmillError('VM3005', message, { at });
}
