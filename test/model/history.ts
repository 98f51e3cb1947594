import fc from 'fast-check';

/** Resources of a history: few, so that steps meet. */
export const IDS = ['a', 'b', 'c'] as const;
export const TAGS = ['x', 'y'] as const;
/** Connections that keep a transaction open over several steps; null: a transaction of the step's own. */
export const WRITERS = [0, 1, null] as const;
export const VIEWS = ['plain', 'tagged'] as const;

export type Id = (typeof IDS)[number];
export type Tag = (typeof TAGS)[number];
export type Writer = (typeof WRITERS)[number];
export type View = (typeof VIEWS)[number];

export type Step =
  /** PUT; with equal content it changes nothing. After a delete it creates again. */
  | { readonly kind: 'put'; readonly writer: Writer; readonly id: Id; readonly values: readonly string[] }
  | { readonly kind: 'delete' | 'expunge'; readonly writer: Writer; readonly id: Id }
  | { readonly kind: 'tag' | 'untag'; readonly writer: Writer; readonly id: Id; readonly tag: Tag }
  /** The end of a writer's transaction, if it has one. */
  | { readonly kind: 'commit' | 'rollback'; readonly writer: 0 | 1 }
  | { readonly kind: 'refresh'; readonly view: View; readonly mode: 'auto' | 'delta' | 'full' }
  /** A refresh whose connections are cut when it comes to the phase: as if its worker were killed there. */
  | {
      readonly kind: 'crash';
      readonly view: View;
      readonly mode: 'auto' | 'full';
      readonly phase: 'comparing' | 'reading' | 'publishing';
    }
  | { readonly kind: 'read'; readonly view: View }
  /** Live capture on or off; waits for no writer, so it is left out while one has a transaction. */
  | { readonly kind: 'live'; readonly on: boolean };

const writer = fc.constantFrom(...WRITERS);
const id = fc.constantFrom(...IDS);
const view = fc.constantFrom(...VIEWS);
const values = fc.array(fc.constantFrom('1', '2', '3'), { maxLength: 3 });

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('put' as const), writer, id, values }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('delete' as const, 'expunge' as const), writer, id }) },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constantFrom('tag' as const, 'untag' as const), writer, id, tag: fc.constantFrom(...TAGS) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('commit' as const, 'commit' as const, 'rollback' as const),
      writer: fc.constantFrom(0 as const, 1 as const),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('refresh' as const),
      view,
      mode: fc.constantFrom('auto' as const, 'auto' as const, 'auto' as const, 'delta' as const, 'full' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('crash' as const),
      view,
      mode: fc.constantFrom('auto' as const, 'full' as const),
      phase: fc.constantFrom('comparing' as const, 'reading' as const, 'publishing' as const),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('read' as const), view }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('live' as const), on: fc.boolean() }) },
);

export const histories = fc.array(step, { minLength: 4, maxLength: 20, size: 'max' });
