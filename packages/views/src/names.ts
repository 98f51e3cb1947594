/** PostgreSQL cuts longer identifiers silently. */
const LONGEST = 63;

/** What is wrong with a view's, column's or constant's name by the invariant sql-name, or undefined. */
export function nameProblem(name: string): string | undefined {
  if (!/^[A-Za-z][A-Za-z0-9_]*$/u.test(name)) return `"${name}" is no valid name: a letter, then letters, digits and underscores`;
  return name.length > LONGEST ? `the name is longer than ${LONGEST} characters` : undefined;
}
