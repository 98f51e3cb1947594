import type { Expression } from '@viewmill/fhirpath';
import type { ViewPlan } from '@viewmill/views';

/**
 * A cheap test on the JSON text: false only if the view's `where` cannot be true for the resource, whatever else is in it.
 * Where the conditions ask for a code (`category.coding.where(code = 'laboratory').exists()`), the text must hold it: looking for
 * it costs a hundredth of parsing the text. Null if the conditions ask for nothing of the kind.
 */
export function compilePrefilter(plan: ViewPlan): ((text: string) => boolean) | null {
  const literals = [...new Set(plan.where.flatMap(requiredTexts))].map((text) => JSON.stringify(text));
  if (literals.length === 0) return null;
  // A text with escapes may spell the literal in another way; one that is cut off is for the parser to complain about.
  return (text) => literals.every((literal) => text.includes(literal)) || text.includes('\\u') || !text.trimEnd().endsWith('}');
}

/** Plain characters only: whatever JSON may write in more ways than one is not looked for. */
const PLAIN = /^[A-Za-z0-9 ._:-]+$/;

/** Texts that must be values of the resource if the Boolean expression is true. */
function requiredTexts(node: Expression): readonly string[] {
  switch (node.kind) {
    case 'logic':
      return node.operator === 'and' ? [...requiredTexts(node.left), ...requiredTexts(node.right)] : [];
    case 'exists':
      return node.negate ? [] : requiredByItems(node.source);
    case 'equality':
      return node.negate || node.compareAs !== 'string'
        ? []
        : [...literalText(node.left, node.right), ...literalText(node.right, node.left)];
    case 'single':
      return requiredTexts(node.source);
    default:
      return [];
  }
}

/** Texts that must be there if the collection has an item. */
function requiredByItems(node: Expression): readonly string[] {
  switch (node.kind) {
    case 'filter':
      // The criteria are about the items: what is not in the text has none in it either.
      return isStored(node.source) ? [...requiredByItems(node.source), ...requiredTexts(node.criteria)] : [];
    case 'member':
    case 'index':
    case 'single':
    case 'ofResourceType':
      return requiredByItems(node.source);
    default:
      return [];
  }
}

/** The literal, if what it is compared with is a value as it stands in the JSON. */
function literalText(literal: Expression, value: Expression): readonly string[] {
  return literal.kind === 'literal' && typeof literal.value === 'string' && PLAIN.test(literal.value) && isStored(value)
    ? [literal.value]
    : [];
}

/** The id is kept beside the text, and so is meta: neither needs to be in it. */
function isStored(node: Expression): boolean {
  switch (node.kind) {
    case 'member':
      return node.key !== 'id' && node.key !== 'meta' && (node.source.kind === 'focus' || isStored(node.source));
    case 'index':
    case 'filter':
    case 'single':
      return isStored(node.source);
    default:
      return false;
  }
}
