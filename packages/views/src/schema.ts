import type { Diagnostic } from '@viewmill/contracts';
import { z } from 'zod';

/**
 * The ViewDefinition as far as the compiler reads it (SQL on FHIR v2, StructureDefinition/ViewDefinition).
 * Members that are not here are tolerated. What a text means is checked later, with its place.
 */

const tagSchema = z.object({ name: z.string(), value: z.string() });

const columnSchema = z.object({
  name: z.string(),
  path: z.string(),
  description: z.string().optional(),
  collection: z.boolean().optional(),
  type: z.string().optional(),
  tag: z.array(tagSchema).optional(),
  /** As the specification's examples spell it. */
  tags: z.array(tagSchema).optional(),
});

export interface SelectDefinition {
  readonly column?: readonly z.output<typeof columnSchema>[] | undefined;
  readonly select?: readonly SelectDefinition[] | undefined;
  readonly unionAll?: readonly SelectDefinition[] | undefined;
  readonly forEach?: string | undefined;
  readonly forEachOrNull?: string | undefined;
  readonly repeat?: readonly string[] | undefined;
}

const selectSchema: z.ZodType<SelectDefinition> = z.object({
  column: z.array(columnSchema).optional(),
  get select() {
    return z.array(selectSchema).optional();
  },
  get unionAll() {
    return z.array(selectSchema).min(1).optional();
  },
  forEach: z.string().optional(),
  forEachOrNull: z.string().optional(),
  repeat: z.array(z.string()).min(1).optional(),
});

export const viewDefinitionSchema = z.object({
  resourceType: z.string().optional(),
  url: z.string().optional(),
  name: z.string().optional(),
  title: z.string().optional(),
  description: z.string().optional(),
  resource: z.string(),
  constant: z.array(z.looseObject({ name: z.string() })).optional(),
  where: z.array(z.object({ path: z.string(), description: z.string().optional() })).optional(),
  select: z.array(selectSchema).min(1),
});

export type ViewDefinition = z.output<typeof viewDefinitionSchema>;
export type ColumnDefinition = z.output<typeof columnSchema>;
export type ConstantDefinition = NonNullable<ViewDefinition['constant']>[number];

/** `['select', 0, 'column', 2]` as `select[0].column[2]`. */
export function jsonPath(path: readonly PropertyKey[]): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./u, '');
}

/** The findings of the schema as diagnostics. */
export function schemaDiagnostics(error: z.ZodError): Diagnostic[] {
  return error.issues.map((issue) => ({ code: 'VM1101', at: jsonPath(issue.path), message: issue.message }));
}
