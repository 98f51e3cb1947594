import type pg from 'pg';
import sql from 'sql-template-tag';
import { insertRow, nextPid, one } from './hapi-rows.ts';

/** The references whose rows in hfj_res_link queries use: what HAPI indexes beside these is not written. */
const REFERENCES = ['subject', 'patient', 'encounter'] as const;

/** Replaces the link rows of a resource by those of its new text, as HAPI does at each PUT. */
export async function replaceLinks(
  client: pg.ClientBase,
  resource: {
    readonly resId: string;
    readonly type: string;
    readonly typeId: number | null;
    readonly text: string;
    readonly updated: string;
  },
): Promise<void> {
  await client.query(sql`delete from hfj_res_link where src_resource_id = ${resource.resId}`);
  const content = JSON.parse(resource.text) as Readonly<Record<string, { readonly reference?: unknown } | undefined>>;
  for (const element of REFERENCES) {
    const [, type, id] = /^([A-Za-z]+)\/([A-Za-z0-9.-]+)$/.exec(String(content[element]?.reference ?? '')) ?? [];
    if (type === undefined || id === undefined) continue;
    const target = await one<Record<string, unknown>>(
      client,
      sql`select * from hfj_resource where res_type = ${type} and fhir_id = ${id}`,
    );
    if (target === null) continue;
    const path = `${resource.type}.${element}`;
    const paths = element === 'subject' && type === 'Patient' ? [path, `${path}.where(resolve() is Patient)`] : [path];
    for (const srcPath of paths) {
      await insertRow(client, 'hfj_res_link', {
        pid: await nextPid(client, 'hfj_res_link', 'pid'),
        src_path: srcPath,
        src_resource_id: resource.resId,
        source_resource_type: resource.type,
        src_res_type_id: resource.typeId,
        target_resource_id: target.res_id,
        target_resource_type: type,
        target_res_type_id: target.res_type_id,
        sp_updated: resource.updated,
      });
    }
  }
}
