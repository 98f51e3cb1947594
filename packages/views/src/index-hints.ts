import type { ViewPlan } from './plan.ts';

const TAG = 'viewmill/index';

/** What is wrong with a tag, if it is an index hint. */
export function indexProblem(name: string, value: string): string | undefined {
  return name === TAG && value !== 'btree' ? `the index kind "${value}" is not supported: write btree` : undefined;
}

/** The indexes that the view's author wants on a materialized view: one for each column with the tag `viewmill/index`. */
export function indexHints(plan: ViewPlan): { readonly columns: readonly string[] }[] {
  return plan.columns
    .filter((column) => column.tags.some((tag) => tag.name === TAG))
    .map((column) => ({ columns: [column.name] }));
}
