import { type StoredDefinition, ViewmillError, type ViewRef } from '@viewmill/contracts';
import { compileView, type ViewPlan } from '@viewmill/views';

/** What the runner and the materializer work on; `name` is null for a definition that is not stored. */
export interface CompiledView {
  readonly name: string | null;
  readonly plan: ViewPlan;
}

/** Compiles stored and inline ViewDefinitions; stored ones once per version. */
export interface ViewCompiler {
  readonly resolve: (ref: ViewRef) => Promise<CompiledView>;
  readonly named: (name: string) => Promise<{ name: string; plan: ViewPlan }>;
  /** Forgets what is known of stored definitions: one of them changed. */
  readonly forget: (name?: string) => void;
}

const MAX_AGE_MS = 5_000;

/**
 * A definition is read again after five seconds even if no change was heard of: a lost notification must not
 * serve an old definition for long.
 */
export function createViewCompiler(getDefinition: (name: string) => Promise<StoredDefinition>): ViewCompiler {
  const known = new Map<string, { version: number; plan: ViewPlan; checkedAt: number }>();

  async function named(name: string): Promise<{ name: string; plan: ViewPlan }> {
    const entry = known.get(name);
    if (entry !== undefined && Date.now() - entry.checkedAt < MAX_AGE_MS) return { name, plan: entry.plan };
    const stored = await getDefinition(name);
    const plan = entry?.version === stored.version ? entry.plan : compileView(stored.definition);
    known.set(name, { version: stored.version, plan, checkedAt: Date.now() });
    return { name, plan };
  }

  return {
    named,
    resolve: (ref) => ('name' in ref ? named(ref.name) : Promise.resolve({ name: null, plan: compileInline(ref.definition) })),
    forget: (name) => {
      if (name === undefined) known.clear();
      else known.delete(name);
    },
  };
}

function compileInline(definition: Record<string, unknown>): ViewPlan {
  if (Object.keys(definition).length === 0) throw new ViewmillError('VM1101', 'the definition is empty', { at: 'view' });
  return compileView(definition);
}
