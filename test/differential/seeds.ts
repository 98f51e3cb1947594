/** ViewDefinitions on which the engines once differed; each was found by the generator and stays. */
export const SEEDS: readonly Readonly<Record<string, unknown>>[] = [
  // The plainest view: keeps the list from being empty.
  { resource: 'Patient', select: [{ column: [{ name: 'id', path: 'getResourceKey()', type: 'id' }] }] },
];
