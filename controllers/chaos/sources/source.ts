/** One exact state of a source. */
export interface Revision {
  /** Commit id or content digest: equal ids mean equal files. */
  readonly id: string;
  /** What to ask the source for. */
  readonly ref: string;
}

export interface Fetched {
  readonly id: string;
  readonly author: string | null;
  readonly message: string | null;
  /** When it was made, seconds since 1970. */
  readonly timeSec: number;
}

/** Where code comes from. */
export interface Source {
  /** For a person: `"main" of https://...`. */
  readonly description: string;
  /** What is there now, without moving the files, unless `keep` has earlier ones: then what is new may come along. */
  identify(keep?: string): Promise<Revision>;
  /** Puts the files of a revision into an empty folder; `keep` is one where it may leave what spares it work the next time. */
  fetch(revision: Revision, folder: string, keep?: string): Promise<Fetched>;
}
