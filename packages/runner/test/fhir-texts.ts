import { currentResources, detectHapi } from '@viewmill/fhir-source';
import type { Pool } from 'pg';

const WHOLE = { id: true, meta: { version: true, tags: true }, whole: true };

/** The current resources of a type as a FHIR server would give them: with id and meta, in the order of their keys. */
export async function fhirTexts(pool: Pool, resourceType: string): Promise<string[]> {
  const layout = await detectHapi(pool, { schema: 'public', timeZone: 'UTC' });
  const relation = currentResources(layout, resourceType, WHOLE);
  const { rows } = await pool.query<{ id: string; body: string; meta: unknown }>({
    text: `select * from (${relation.text}) r order by res_id`,
    values: relation.values,
  });
  return rows.map(({ id, body, meta }) =>
    `{"id":${JSON.stringify(id)},"meta":${JSON.stringify(meta)},${body.trimStart().slice(1)}`.replaceAll('\n', ' '),
  );
}
