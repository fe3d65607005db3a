import { isObject, type JsonObject } from '../object.ts';

/** JSON merge patch (RFC 7386): a new value, the target is not changed. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const merged: JsonObject = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === undefined) continue;
    if (value === null) delete merged[key];
    else setOwn(merged, key, mergePatch(merged[key], value));
  }
  return merged;
}

/** A plain field even when it is called `__proto__`. */
function setOwn(object: JsonObject, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}
