import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { searchHash } from '@viewmill/fhir-source';
import { describeWithShared, sharedPath } from '@viewmill/testkit';
import { describe, expect, it } from 'vitest';

const rows = (table: string): (string | null)[][] =>
  gunzipSync(readFileSync(sharedPath('hapi', 'data', `${table}.copy.gz`)))
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t').map((field) => (field === '\\N' ? null : field)));

describe('the hash of the search indexes', () => {
  it('gives the values that HAPI 8.8 wrote', () => {
    expect(searchHash('Patient', 'birthdate')).toBe('5247847184787287691');
    expect(searchHash('Organization', 'type', 'http://terminology.hl7.org/CodeSystem/organization-type', 'prov')).toBe(
      '2336049363284500585',
    );
  });
});

describeWithShared('the hash of the search indexes, against a HAPI dump', () => {
  it('agrees with the token table of a HAPI dump', () => {
    const tokens = rows('hfj_spidx_token').filter((_, index) => index % 41 === 0);
    expect(tokens.length).toBeGreaterThan(2000);
    for (const [, , , identity, , name, , type, , system, systemAndValue, value, sp_system, sp_value] of tokens) {
      const of = [type as string, name as string] as const;
      expect(searchHash(...of)).toBe(identity);
      expect(searchHash(...of, sp_system ?? null)).toBe(system);
      expect(searchHash(...of, sp_system ?? '', sp_value as string)).toBe(systemAndValue);
      expect(searchHash(...of, sp_value as string)).toBe(value);
    }
  });

  it('agrees with the string table of a HAPI dump', () => {
    for (const [, , , identity, , name, , type, , exact, prefix, sp_exact] of rows('hfj_spidx_string').filter(
      (_, index) => index % 83 === 0,
    )) {
      const of = [type as string, name as string] as const;
      expect(searchHash(...of)).toBe(identity);
      expect(searchHash(...of, sp_exact as string)).toBe(exact);
      expect(searchHash(...of, '')).toBe(prefix);
    }
  });
});
