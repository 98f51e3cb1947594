/** What has to come along with each resource; a view plan's `needs` fits. */
export interface SourceNeeds {
  readonly id: boolean;
  readonly meta: { readonly version: boolean; readonly tags: boolean };
  readonly whole: boolean;
}
