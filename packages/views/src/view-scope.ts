import type { Constant, ValueType } from '@viewmill/fhirpath';
import type { Findings } from './diagnostics.ts';

/** What every path of a view shares. */
export interface ViewScope {
  readonly resource: ValueType;
  readonly constants: ReadonlyMap<string, Constant>;
  readonly findings: Findings;
}
