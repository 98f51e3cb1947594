import { setTimeout as delay } from 'node:timers/promises';
import { ViewmillError } from '@viewmill/contracts';

const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 15_000;

/**
 * Tries until it works: the services a worker needs may come up after it, and a FHIR server creates its tables in its own time.
 * Delays double up to 15 s, with jitter. Errors that are not about a service being away are thrown at once.
 */
export async function untilAvailable<T>(
  attempt: () => Promise<T>,
  onWait: (error: Error, delayMs: number) => void,
  signal: AbortSignal,
): Promise<T> {
  for (let delayMs = FIRST_DELAY_MS; ; delayMs = Math.min(delayMs * 2, MAX_DELAY_MS)) {
    try {
      return await attempt();
    } catch (error) {
      if (signal.aborted || !isAbsence(error)) throw error;
      const jittered = delayMs * (0.5 + Math.random() / 2);
      onWait(error as Error, jittered);
      await delay(jittered, undefined, { signal });
    }
  }
}

const ABSENCE_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  '57P03',
  '53300',
  '57P01',
  '3D000',
]);

function isAbsence(error: unknown): boolean {
  if (error instanceof ViewmillError) return error.code === 'VM3002' || error.code === 'VM3003' || error.code === 'VM3004';
  if (error instanceof AggregateError) return error.errors.some(isAbsence);
  return ABSENCE_CODES.has((error as { code?: string }).code ?? '');
}
