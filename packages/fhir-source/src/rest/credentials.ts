import { ViewmillError } from '@viewmill/contracts';

/** How requests are authorized. */
export interface Credentials {
  /** The header `Authorization`; null: none. */
  header(signal: AbortSignal): Promise<string | null>;
  /** The server refused the header (401). @returns whether another one can be had. */
  renew(refused: string | null): boolean;
}

export const noCredentials: Credentials = { header: async () => null, renew: () => false };

/** @throws ViewmillError VM3005 for a text that no header can hold. */
export function fixedHeader(value: string): Credentials {
  const header = value.trim();
  // Checked here, because fetch would quote it in its error.
  if (!/^[\x20-\x7e]+$/.test(header))
    throw new ViewmillError('VM3005', 'FHIR_AUTHORIZATION is no value of a header', { at: 'FHIR_AUTHORIZATION' });
  return { header: async () => header, renew: () => false };
}
