import { type ErrorCode, ViewmillError } from '@viewmill/contracts';

/** A position within the FHIRPath text; both count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A user's error at a place of the FHIRPath text. `at` is the JSON path of the text in the ViewDefinition. */
export function fault(code: ErrorCode, message: string, at: string, position: Position | undefined): ViewmillError {
  const diagnostic = position === undefined ? { code, message, at } : { code, message, at, position };
  return new ViewmillError(code, message, { at, diagnostics: [diagnostic] });
}
