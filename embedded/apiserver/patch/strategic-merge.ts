import { isDeepStrictEqual } from 'node:util';
import { badRequest } from '../errors.ts';
import { clone, isObject, type JsonObject } from '../object.ts';

/**
 * Lists that are merged by a key of their items, by field name or `parent.field` (the patchMergeKey tags of
 * the Kubernetes API types). '' merges plain values as a set. Every other list is replaced.
 */
const commonMergeKeys: Readonly<Record<string, string>> = {
  'metadata.finalizers': '',
  'spec.finalizers': '',
  ownerReferences: 'uid',
  containers: 'name',
  initContainers: 'name',
  ephemeralContainers: 'name',
  volumes: 'name',
  volumeMounts: 'mountPath',
  volumeDevices: 'devicePath',
  env: 'name',
  'containers.ports': 'containerPort',
  'initContainers.ports': 'containerPort',
  imagePullSecrets: 'name',
  secrets: 'name',
  hostAliases: 'ip',
  topologySpreadConstraints: 'topologyKey',
  resourceClaims: 'name',
  schedulingGates: 'name',
  taints: 'key',
  conditions: 'type',
  'status.addresses': 'type',
  podIPs: 'ip',
  'loadBalancer.ingress': 'ip',
};

/** Strategic merge patch of the Kubernetes API: a new value. `mergeKeys` adds to the common ones. */
export function strategicMergePatch(
  target: unknown,
  patch: unknown,
  mergeKeys: Readonly<Record<string, string>> = {},
): unknown {
  if (!isObject(patch)) throw badRequest('a strategic merge patch is an object');
  const merge = new StrategicMerge({ ...commonMergeKeys, ...mergeKeys });
  return merge.object(isObject(target) ? clone(target) : {}, patch, []);
}

class StrategicMerge {
  private readonly mergeKeys: Readonly<Record<string, string>>;

  constructor(mergeKeys: Readonly<Record<string, string>>) {
    this.mergeKeys = mergeKeys;
  }

  object(target: JsonObject, patch: JsonObject, path: readonly string[]): JsonObject {
    const directive = patch['$patch'];
    if (directive === 'delete') return {};
    if (directive === 'replace') return this.object({}, { ...patch, $patch: undefined }, path);
    if (directive !== undefined && directive !== 'merge') {
      throw badRequest(`Unknown patch type: ${JSON.stringify(directive)}`);
    }
    const merged = retained(target, patch['$retainKeys']);
    for (const [field, value] of Object.entries(patch)) {
      if (value === undefined || field.startsWith('$')) continue;
      if (value === null) delete merged[field];
      else define(merged, field, this.value(merged[field], value, [...path, field]));
    }
    this.applyListDirectives(merged, patch, path);
    return merged;
  }

  private value(target: unknown, value: unknown, path: readonly string[]): unknown {
    if (isObject(value)) return this.object(isObject(target) ? target : {}, value, path);
    if (!Array.isArray(value)) return value;
    const key = this.mergeKeyOf(path);
    const list: unknown[] = Array.isArray(target) ? target : [];
    if (key === undefined) return value.map((item) => (isObject(item) ? this.object({}, item, path) : item));
    if (key === '') return [...new Set([...list, ...value])];
    return this.list(list.filter(isObject), value.filter(isObject), { key, path });
  }

  private list(
    target: JsonObject[],
    patch: JsonObject[],
    at: { key: string; path: readonly string[] },
  ): JsonObject[] {
    const { key, path } = at;
    const isReplaced = patch.some((item) => item['$patch'] === 'replace');
    let merged = isReplaced ? [] : target;
    for (const item of patch) {
      if (item['$patch'] === 'replace' && !(key in item)) continue;
      if (!(key in item)) {
        throw badRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`);
      }
      const isSame = (each: JsonObject): boolean => isDeepStrictEqual(each[key], item[key]);
      if (item['$patch'] === 'delete') {
        merged = merged.filter((each) => !isSame(each));
        continue;
      }
      const index = merged.findIndex(isSame);
      const next = this.object(index < 0 ? {} : (merged[index] as JsonObject), item, path);
      merged = index < 0 ? [...merged, next] : merged.with(index, next);
    }
    return merged;
  }

  /** `$deleteFromPrimitiveList/<field>` and `$setElementOrder/<field>`. */
  private applyListDirectives(merged: JsonObject, patch: JsonObject, path: readonly string[]): void {
    for (const [name, value] of Object.entries(patch)) {
      const [directive, field = ''] = name.split('/', 2);
      const list = merged[field];
      if (!Array.isArray(value) || !Array.isArray(list)) continue;
      if (directive === '$deleteFromPrimitiveList')
        merged[field] = list.filter((each) => !value.includes(each));
      if (directive === '$setElementOrder')
        merged[field] = ordered(list, value, this.mergeKeyOf([...path, field]));
    }
  }

  private mergeKeyOf(path: readonly string[]): string | undefined {
    const [parent, field] = [path.at(-2), path.at(-1) ?? ''];
    return this.mergeKeys[`${parent ?? ''}.${field}`] ?? this.mergeKeys[field];
  }
}

function retained(target: JsonObject, keys: unknown): JsonObject {
  if (!Array.isArray(keys)) return target;
  return Object.fromEntries(Object.entries(target).filter(([field]) => keys.includes(field)));
}

/** Items named in the order are put in that order into the places they hold; others stay where they are. */
function ordered(list: readonly unknown[], order: readonly unknown[], key: string | undefined): unknown[] {
  const identityOf = (item: unknown): unknown => (key && isObject(item) ? item[key] : item);
  const wanted = order.map(identityOf);
  const rank = (item: unknown): number => wanted.indexOf(identityOf(item));
  const moved = list.filter((item) => rank(item) >= 0).sort((left, right) => rank(left) - rank(right));
  return list.map((item) => (rank(item) >= 0 ? moved.shift() : item));
}

function define(object: JsonObject, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}
