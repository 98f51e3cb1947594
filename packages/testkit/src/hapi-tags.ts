import type pg from 'pg';
import sql from 'sql-template-tag';
import { insertRow, nextPid, one } from './hapi-rows.ts';

export interface HapiTag {
  readonly kind?: 'tag' | 'profile' | 'security';
  readonly system?: string;
  readonly code: string;
  readonly display?: string;
}

const PROFILE_SYSTEM = 'https://github.com/hapifhir/hapi-fhir/ns/jpa/profile';
const TAG_TYPE = { tag: 0, profile: 1, security: 2 } as const;

/** Adds a tag row, and the tag's definition if there is none; does nothing if the resource has the tag. */
export async function addTag(
  client: pg.ClientBase,
  resource: { readonly resId: string; readonly type: string; readonly typeId: number | null },
  tag: HapiTag,
): Promise<void> {
  const kind = TAG_TYPE[tag.kind ?? 'tag'];
  const system = tag.system ?? (kind === TAG_TYPE.profile ? PROFILE_SYSTEM : null);
  const known = await one<{ tag_id: string }>(
    client,
    sql`select tag_id from hfj_tag_def where tag_type = ${kind} and tag_code = ${tag.code} and tag_system is not distinct from ${system}`,
  );
  const tagId = known?.tag_id ?? (await nextPid(client, 'hfj_tag_def', 'tag_id'));
  if (known === null) {
    await insertRow(client, 'hfj_tag_def', {
      tag_id: tagId,
      tag_type: kind,
      tag_system: system,
      tag_code: tag.code,
      tag_display: tag.display ?? null,
    });
  }
  const there = await one(client, sql`select 1 from hfj_res_tag where res_id = ${resource.resId} and tag_id = ${tagId}`);
  if (there !== null) return;
  const pid = await nextPid(client, 'hfj_res_tag', 'pid');
  await insertRow(client, 'hfj_res_tag', {
    pid,
    tag_id: tagId,
    res_id: resource.resId,
    res_type: resource.type,
    res_type_id: resource.typeId,
  });
  await client.query(sql`update hfj_resource set has_tags = true where res_id = ${resource.resId} and not has_tags`);
}

/** Tags, security labels and profiles of a resource's `meta`. */
export function tagsOf(json: string | Readonly<Record<string, unknown>>): readonly HapiTag[] {
  if (typeof json === 'string') return [];
  const {
    tag = [],
    security = [],
    profile = [],
  } = (json.meta ?? {}) as {
    readonly tag?: readonly HapiTag[];
    readonly security?: readonly HapiTag[];
    readonly profile?: readonly string[];
  };
  return [
    ...tag,
    ...security.map((label): HapiTag => ({ ...label, kind: 'security' })),
    ...profile.map((code): HapiTag => ({ kind: 'profile', code })),
  ];
}
