import { isObject, nowText, type ApiObject, type JsonObject } from '../object.ts';
import { FieldSet } from './field-set.ts';

/** Who wrote, and how: what an entry of managedFields is of. */
export interface ManagerName {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource?: string | undefined;
}

/** One manager's fields (meta/v1 ManagedFieldsEntry). */
export interface Manager extends ManagerName {
  readonly time: string;
  readonly fields: FieldSet;
}

/** Managers of an object; undefined while none is kept: nobody has applied it from the server's side yet. */
export function managersOf(object: ApiObject): Manager[] | undefined {
  const { managedFields } = object.metadata;
  if (!Array.isArray(managedFields) || managedFields.length === 0) return undefined;
  return managedFields.filter(isObject).map((entry: JsonObject) => ({
    manager: String(entry['manager']),
    operation: entry['operation'] === 'Apply' ? 'Apply' : 'Update',
    apiVersion: String(entry['apiVersion']),
    subresource: typeof entry['subresource'] === 'string' ? entry['subresource'] : undefined,
    time: String(entry['time']),
    fields: FieldSet.fromFieldsV1(entry['fieldsV1']),
  }));
}

/** `metadata.managedFields` of the managers: who applies first, then by name; those without fields are left out. */
export function managedFieldsOf(managers: readonly Manager[]): JsonObject[] | undefined {
  const kept = managers
    .filter(({ fields }) => !fields.isEmpty)
    .toSorted((a, b) => a.operation.localeCompare(b.operation) || a.manager.localeCompare(b.manager));
  if (kept.length === 0) return undefined;
  return kept.map(({ manager, operation, apiVersion, time, fields, subresource }) => ({
    manager,
    operation,
    apiVersion,
    time,
    fieldsType: 'FieldsV1',
    fieldsV1: fields.toFieldsV1(),
    ...(subresource ? { subresource } : {}),
  }));
}

export function isSame(left: ManagerName, right: ManagerName): boolean {
  return (
    left.manager === right.manager &&
    left.operation === right.operation &&
    (left.subresource ?? '') === (right.subresource ?? '')
  );
}

/** The managers with one manager's fields as they now are; its time changes only when they do. */
export function withFields(managers: readonly Manager[], name: ManagerName, fields: FieldSet): Manager[] {
  const old = managers.find((each) => isSame(each, name));
  if (old?.fields.equals(fields)) return [...managers];
  return [...managers.filter((each) => each !== old), { ...name, time: nowText(), fields }];
}
