import { isDeepStrictEqual } from 'node:util';
import { badRequest } from '../errors.ts';
import { clone, isObject, type JsonObject } from '../object.ts';
import { fieldOf, type Field } from '../schema/index.ts';

/** Strategic merge patch of the Kubernetes API: a new value. `type` (of the schema) knows how lists are merged. */
export function strategicMergePatch(target: unknown, patch: unknown, type: string | undefined): unknown {
  if (!isObject(patch)) throw badRequest('a strategic merge patch is an object');
  return mergeObject(isObject(target) ? clone(target) : {}, patch, type);
}

function mergeObject(target: JsonObject, patch: JsonObject, type: string | undefined): JsonObject {
  const directive = patch['$patch'];
  if (directive === 'delete') return {};
  if (directive === 'replace') return mergeObject({}, { ...patch, $patch: undefined }, type);
  if (directive !== undefined && directive !== 'merge') {
    throw badRequest(`Unknown patch type: ${JSON.stringify(directive)}`);
  }
  const merged = retained(target, patch['$retainKeys']);
  for (const [name, value] of Object.entries(patch)) {
    if (value === undefined || name.startsWith('$')) continue;
    if (value === null) delete merged[name];
    else
      define(
        merged,
        name,
        mergeValue(merged[name], value, type === undefined ? undefined : fieldOf(type, name)),
      );
  }
  applyListDirectives(merged, patch, type);
  return merged;
}

function mergeValue(target: unknown, value: unknown, field: Field | undefined): unknown {
  if (isObject(value)) return mergeObject(isObject(target) ? target : {}, value, field?.type);
  if (!Array.isArray(value)) return value;
  const key = field?.merge;
  const list: unknown[] = Array.isArray(target) ? target : [];
  if (key === undefined)
    return value.map((item) => (isObject(item) ? mergeObject({}, item, field?.type) : item));
  if (key === '') return [...new Set([...list, ...value])];
  return mergeList(list.filter(isObject), value.filter(isObject), { key, type: field?.type });
}

function mergeList(
  target: JsonObject[],
  patch: JsonObject[],
  { key, type }: { key: string; type: string | undefined },
): JsonObject[] {
  let merged = patch.some((item) => item['$patch'] === 'replace') ? [] : target;
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
    const next = mergeObject(index < 0 ? {} : (merged[index] as JsonObject), item, type);
    merged = index < 0 ? [...merged, next] : merged.with(index, next);
  }
  return merged;
}

/** `$deleteFromPrimitiveList/<field>` and `$setElementOrder/<field>`. */
function applyListDirectives(merged: JsonObject, patch: JsonObject, type: string | undefined): void {
  for (const [name, value] of Object.entries(patch)) {
    const [directive, field = ''] = name.split('/', 2);
    const list = merged[field];
    if (!Array.isArray(value) || !Array.isArray(list)) continue;
    if (directive === '$deleteFromPrimitiveList')
      merged[field] = list.filter((each) => !value.includes(each));
    if (directive === '$setElementOrder') {
      merged[field] = ordered(list, value, type === undefined ? undefined : fieldOf(type, field)?.merge);
    }
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
