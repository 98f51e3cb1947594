/** Where the JSON texts of resources come from, for views that are computed in memory. */
export interface TextSource {
  /** For people, without secrets: `the FHIR server`. */
  readonly description: string;
  /**
   * The current resources of a type as JSON texts, digit for digit, in the source's order. Texts of other types may be among them. Leaving the loop early ends reading and downloading.
   * @throws the signal's reason when aborted; ViewmillError VM3020 to VM3024 of the source.
   */
  read(request: TextRequest): AsyncGenerator<TextBatch, void, void>;
}

export interface TextRequest {
  readonly resourceType: string;
  /** What may be left out; a source may give more than that. */
  readonly narrowing?: Narrowing | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told of each text that cannot be a resource; it is skipped. */
  readonly onBroken?: ((place: string) => void) | undefined;
}

/** Conditions that all have to be true; undefined ones do not matter. */
export interface Narrowing {
  /** Ids of the resources. */
  readonly ids?: readonly string[] | undefined;
  /** Ids of the patients that `subject` or `patient` refers to. */
  readonly patients?: readonly string[] | undefined;
  /** Stretches of meta.lastUpdated, half open, as ISO instants. */
  readonly updated?: readonly { readonly from?: string | undefined; readonly to?: string | undefined }[] | undefined;
}

export interface TextBatch {
  readonly texts: readonly string[];
  /** Where a text stands, for people: a file and line, or a page and entry. */
  place(index: number): string;
}
