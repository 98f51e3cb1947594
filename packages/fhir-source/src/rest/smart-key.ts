import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { ViewmillError } from '@viewmill/contracts';
import { calculateJwkThumbprint, exportJWK } from 'jose';

export interface SigningKey {
  readonly key: KeyObject;
  readonly alg: string;
  /** Of the JWK; for a PEM the thumbprint of its public key (RFC 7638). */
  readonly kid: string;
}

interface Jwk {
  readonly kty?: string;
  readonly d?: string;
  readonly alg?: string;
  readonly kid?: string;
}

/** RS384 and ES384 are what SMART servers must support; the rest is what the key leaves no choice in. */
const CURVES: Readonly<Record<string, string>> = { 'P-256': 'ES256', 'P-384': 'ES384', 'P-521': 'ES512' };

/**
 * Reads a private key: PEM (PKCS 8, PKCS 1 or SEC 1), a JWK, or the first private key of a JWK set.
 * @throws ViewmillError VM3005; it holds nothing of the file.
 */
export async function readSigningKey(file: string): Promise<SigningKey> {
  const text = await readFile(file, 'utf8').catch((error: { code?: string }) => {
    throw unusable(`cannot be read (${error.code ?? 'unknown'})`);
  });
  try {
    const jwk = text.trimStart().startsWith('{') ? privateJwk(JSON.parse(text)) : null;
    const key = createPrivateKey(jwk === null ? text : { key: jwk as never, format: 'jwk' });
    const shown = await exportJWK(createPublicKey(key));
    const alg = jwk?.alg ?? (shown.kty === 'RSA' ? 'RS384' : CURVES[shown.crv ?? '']);
    if (alg === undefined) throw unusable('holds a key of a kind that SMART does not know: use RSA or EC');
    return { key, alg, kid: jwk?.kid ?? (await calculateJwkThumbprint(shown)) };
  } catch (error) {
    throw error instanceof ViewmillError ? error : unusable('holds no private key as PEM or JWK');
  }
}

function privateJwk(value: unknown): Jwk {
  const { keys } = value as { keys?: readonly Jwk[] };
  const jwk = keys === undefined ? (value as Jwk) : keys.find(({ d }) => d !== undefined);
  if (jwk?.d === undefined) throw unusable('holds no private key');
  return jwk;
}

function unusable(message: string): ViewmillError {
  return new ViewmillError('VM3005', `FHIR_PRIVATE_KEY_FILE ${message}`, { at: 'FHIR_PRIVATE_KEY_FILE' });
}
