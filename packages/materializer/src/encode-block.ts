import type { QuarantineEntry } from '@viewmill/catalog';
import { decodeResources } from '@viewmill/fhir-source';
import type { ViewPlan } from '@viewmill/views';
import { resourceEncoder } from './encode-resources.ts';

/** A block of resources as COPY reads it. Plain data and bytes: it can come from another thread. */
export interface EncodedBlock {
  /** Lines of `COPY … (res_id, ordinal, columns…)`, text format. */
  readonly lines: Uint8Array<ArrayBuffer>;
  readonly resources: number;
  readonly rows: number;
  readonly quarantined: number;
  readonly quarantine: readonly QuarantineEntry[];
}

/**
 * Compiles the plan to a function of blocks (`readResourceBlocks` of fhir-source).
 * It throws the ViewmillErrors of the view (VM1201).
 */
export function blockEncoder(plan: ViewPlan): (block: Uint8Array<ArrayBuffer>) => EncodedBlock {
  const encoder = resourceEncoder(plan);
  return (block) => {
    let resources = 0;
    decodeResources(block, (resource) => {
      encoder.add(resource);
      resources += 1;
    });
    const { rows, quarantine } = encoder.count();
    return { lines: encoder.take(), resources, rows, quarantined: quarantine.count, quarantine: quarantine.entries };
  };
}
