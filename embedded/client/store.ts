import type { KubeObject } from './index.ts';

/** Values under which an object is found by an index; empty when it is not in the index. */
export type Indexer<T> = (object: T) => readonly string[];

/** `namespace/name`, or `name` for an object without a namespace. */
export function keyOf(object: KubeObject): string {
  const { namespace, name } = object.metadata ?? {};
  return namespace ? `${namespace}/${name ?? ''}` : (name ?? '');
}

/** Namespace and name of a key; the namespace is undefined for a cluster-wide object. */
export function splitKey(key: string): { namespace: string | undefined; name: string } {
  const slash = key.indexOf('/');
  return slash < 0
    ? { namespace: undefined, name: key }
    : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** Order of two resource versions: negative, zero or positive. Both are decimal revisions of one etcd. */
export function compareResourceVersions(left = '0', right = '0'): number {
  if (left.length !== right.length) return left.length - right.length;
  return left < right ? -1 : Number(left > right);
}

const builtIn: Record<string, Indexer<KubeObject>> = {
  namespace: (object) => [object.metadata?.namespace ?? ''],
  owner: (object) => (object.metadata?.ownerReferences ?? []).map((owner) => owner.uid),
};

/** Objects by key with secondary indexes; `namespace` and `owner` (uid) are always there. Never change what it returns. */
export class Store<T extends KubeObject> {
  private readonly objects = new Map<string, T>();
  private readonly indexers: Record<string, Indexer<T>>;
  private readonly indexes = new Map<string, Map<string, Map<string, T>>>();

  constructor(indexers: Record<string, Indexer<T>> = {}) {
    this.indexers = { ...builtIn, ...indexers };
    for (const name of Object.keys(this.indexers)) this.indexes.set(name, new Map());
  }

  get size(): number {
    return this.objects.size;
  }

  get(key: string): T | undefined {
    return this.objects.get(key);
  }

  keys(): string[] {
    return [...this.objects.keys()];
  }

  list(): T[] {
    return [...this.objects.values()];
  }

  /** The objects that an index holds under a value. */
  by(index: 'namespace' | 'owner' | (string & {}), value: string): T[] {
    return [...(this.indexes.get(index)?.get(value)?.values() ?? [])];
  }

  set(key: string, object: T): void {
    this.delete(key);
    this.objects.set(key, object);
    for (const [values, value] of this.placesOf(object)) {
      let bucket = values.get(value);
      if (!bucket) values.set(value, (bucket = new Map()));
      bucket.set(key, object);
    }
  }

  delete(key: string): void {
    const object = this.objects.get(key);
    if (!object) return;
    this.objects.delete(key);
    for (const [values, value] of this.placesOf(object)) {
      const bucket = values.get(value);
      bucket?.delete(key);
      if (bucket?.size === 0) values.delete(value);
    }
  }

  private *placesOf(object: T): Generator<[Map<string, Map<string, T>>, string]> {
    for (const [name, indexer] of Object.entries(this.indexers)) {
      const values = this.indexes.get(name);
      if (values) for (const value of indexer(object)) yield [values, value];
    }
  }
}
