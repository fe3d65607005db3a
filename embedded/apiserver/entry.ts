import type { ApiObject } from './object.ts';

/** A stored object at one revision, with its JSON made once however many readers want it. */
export class Entry {
  /** Never changed; copy before changing. */
  readonly object: ApiObject;
  readonly revision: number;
  private json: string | undefined;
  private frames: Record<string, Buffer> | undefined;

  constructor(object: ApiObject, revision: number) {
    this.object = object;
    this.revision = revision;
  }

  /** From the text in etcd, which has no resourceVersion: that is the key's mod revision. */
  static parse(value: Buffer, revision: number): Entry {
    return new Entry(withRevision(JSON.parse(value.toString()) as ApiObject, revision), revision);
  }

  /** The object's JSON with its resourceVersion. */
  get text(): string {
    return (this.json ??= JSON.stringify(this.object));
  }

  /** The watch frame that tells of it, one JSON line; the same bytes for every watcher. */
  frame(type: 'ADDED' | 'MODIFIED' | 'DELETED'): Buffer {
    this.frames ??= {};
    return (this.frames[type] ??= Buffer.from(`{"type":"${type}","object":${this.text}}\n`));
  }

  /** A copy that may be changed. */
  copy(): ApiObject {
    return JSON.parse(this.text) as ApiObject;
  }

  /** The same object as its deletion left it: last state, revision of the delete. */
  deletedAt(revision: number): Entry {
    return new Entry(withRevision({ ...this.object }, revision), revision);
  }
}

function withRevision(object: ApiObject, revision: number): ApiObject {
  object.metadata = { ...object.metadata, resourceVersion: String(revision) };
  return object;
}

/** An object as it is kept in etcd. */
export function storedText(object: ApiObject): string {
  return JSON.stringify({ ...object, metadata: { ...object.metadata, resourceVersion: undefined } });
}
