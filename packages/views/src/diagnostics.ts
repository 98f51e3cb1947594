import { type Diagnostic, type ErrorCode, ViewmillError } from '@viewmill/contracts';

/** Collects every finding, so that a definition's errors are told all at once. */
export interface Findings {
  readonly all: Diagnostic[];
  add(code: ErrorCode, at: string, message: string): void;
  /** The function's result, or undefined if it failed with a user's error, which is noted. */
  attempt<T>(work: () => T): T | undefined;
}

export function createFindings(): Findings {
  const all: Diagnostic[] = [];
  return {
    all,
    add: (code, at, message) => void all.push({ code, at, message }),
    attempt: (work) => {
      try {
        return work();
      } catch (error) {
        if (!(error instanceof ViewmillError)) throw error;
        if (error.diagnostics.length > 0) all.push(...error.diagnostics);
        else all.push({ code: error.code, at: error.at ?? '', message: error.message });
        return undefined;
      }
    },
  };
}

/** One error for all findings: code and message of the first, the whole list as `diagnostics`. */
export function asError(diagnostics: readonly Diagnostic[]): ViewmillError {
  const [first] = diagnostics;
  if (first === undefined) throw new TypeError('no diagnostics');
  const more = diagnostics.length > 1 ? ` (and ${diagnostics.length - 1} more)` : '';
  return new ViewmillError(first.code, `${first.at === '' ? '' : `${first.at}: `}${first.message}${more}`, {
    at: first.at,
    diagnostics,
  });
}
