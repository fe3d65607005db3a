import type { ApiObject } from '../object.ts';
import { typeOfKind } from '../schema/index.ts';
import { FieldSet } from './field-set.ts';
import { isSame, managedFieldsOf, managersOf, withFields, type Manager } from './managers.ts';
import { compare, rootType } from './typed.ts';

/** Who writes, through which subresource. */
export interface Writer {
  readonly manager: string;
  readonly subresource?: string | undefined;
}

const server = [
  'name',
  'namespace',
  'uid',
  'generation',
  'resourceVersion',
  'creationTimestamp',
  'managedFields',
  'selfLink',
];

/** The paths without those that the server alone writes. */
export function withoutServers(fields: FieldSet): FieldSet {
  const outside = new FieldSet();
  for (const [element, set] of fields.children) {
    if (element === 'f:apiVersion' || element === 'f:kind') continue;
    if (element !== 'f:metadata') {
      outside.children.set(element, set);
      continue;
    }
    const metadata = new FieldSet();
    for (const [name, below] of set.children) {
      if (!server.includes(name.slice(2))) metadata.children.set(name, below);
    }
    if (!metadata.isEmpty) outside.children.set(element, metadata);
  }
  return outside;
}

/** Notes in `managedFields` whose the fields are that a plain write changed, once the object has managers at all. */
export function trackUpdate(old: ApiObject, next: ApiObject, writer: Writer): void {
  const managers = managersOf(old);
  if (!managers) return;
  const { written, removed } = compare(old, next, rootType(typeOfKind(old.apiVersion, old.kind) ?? ''));
  const changed = { written: withoutServers(written), removed: withoutServers(removed) };
  if (changed.written.isEmpty && changed.removed.isEmpty) return;
  const name = { ...writer, operation: 'Update', apiVersion: old.apiVersion } as const;
  const own = managers.find((each) => isSame(each, name))?.fields ?? new FieldSet();
  const others = managers.map((each): Manager =>
    isSame(each, name)
      ? each
      : { ...each, fields: each.fields.without(changed.written).without(changed.removed) },
  );
  const fields = own.union(changed.written).without(changed.removed);
  next.metadata.managedFields = managedFieldsOf(withFields(others, name, fields));
}
