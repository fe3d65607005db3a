import type { Kind } from './kind.ts';

/** Where things lie in etcd: `<root>/objects/<group>/<plural>/[<namespace>/]<name>` and `<root>/claims/...`. */
export class Keys {
  readonly objects: string;
  readonly claims: string;
  /** Written to make a revision of its own; see WatchCache.repair. */
  readonly marker: string;

  constructor(root: string) {
    this.objects = `${root}/objects/`;
    this.claims = `${root}/claims/`;
    this.marker = `${root}/objects/!marker`;
  }

  prefixOf(kind: Kind): string {
    return `${this.objects}${kind.group || 'core'}/${kind.plural}/`;
  }

  of(kind: Kind, namespace: string | undefined, name: string): string {
    return this.prefixOf(kind) + pathOf(namespace, name);
  }
}

/** `namespace/name`, or `name` of a cluster-wide object: its key among its kind, and the order of lists. */
export function pathOf(namespace: string | undefined, name: string): string {
  return namespace ? `${namespace}/${name}` : name;
}
