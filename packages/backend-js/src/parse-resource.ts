import { parse } from 'lossless-json';
import { exactNumber, exactToJson } from './exact-number.ts';
import type { JsonObject } from './json.ts';
import { plainDigits } from './numbers.ts';

/** A property's number, or the first number of its array. */
const NUMBER = /":\s*(?:(\[)\s*)?(-?\d[\d.eE+-]*)/g;
const WORD = /\w/;

/** So many digits a JS number always keeps, unless there is a zero at the end of a fraction or an exponent. */
const SAFE_LENGTH = 15;

/**
 * Parses the JSON text of a resource.
 * @param decimals whether number texts must be kept (`ViewPlan.needs.decimals`): `4.10` then is an ExactNumber.
 * @throws SyntaxError if the text is not JSON, TypeError if it is not an object.
 */
export function parseResource(text: string, options: { readonly decimals: boolean }): JsonObject {
  const resource: unknown = options.decimals ? parseExactly(text) : JSON.parse(text);
  if (typeof resource !== 'object' || resource === null || Array.isArray(resource))
    throw new TypeError('a resource is not a JSON object');
  return resource as JsonObject;
}

/** JSON.parse of a text in which the numbers that it would change are replaced first. */
function parseExactly(text: string): unknown {
  let replaced = '';
  let copied = 0;
  NUMBER.lastIndex = 0;
  for (let match = NUMBER.exec(text); match !== null; match = NUMBER.exec(text)) {
    const [, array, number = ''] = match;
    // Arrays of numbers are rare (MolecularSequence.quality.roc), as are names that are not words.
    if (array !== undefined) return parseSlowly(text);
    if (isKept(number)) continue;
    // Behind a word, the quote can only end a property's name: we are not within a string.
    if (!WORD.test(text.charAt(match.index - 1))) return parseSlowly(text);
    replaced += text.slice(copied, NUMBER.lastIndex - number.length) + exactToJson(plainDigits(number));
    copied = NUMBER.lastIndex;
  }
  return JSON.parse(copied === 0 ? text : replaced + text.slice(copied));
}

function parseSlowly(text: string): unknown {
  return parse(text, undefined, {
    parseNumber: (number) => (isKept(number) ? Number(number) : exactNumber(plainDigits(number))),
    onDuplicateKey: ({ newValue }) => newValue,
  });
}

function isKept(number: string): boolean {
  if (number.length <= SAFE_LENGTH && !number.endsWith('0') && !/[eE]/.test(number)) return true;
  return String(Number(number)) === number;
}
