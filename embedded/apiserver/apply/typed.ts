import { isDeepStrictEqual } from 'node:util';
import { badRequest } from '../errors.ts';
import { isObject, type JsonObject } from '../object.ts';
import { fieldOf, fieldsOf, type Field } from '../schema/index.ts';
import { FieldSet } from './field-set.ts';

/** The type of a value: a field of the schema, or undefined for what the schema does not know. */
type Type = Pick<Field, 'type' | 'form' | 'keys' | 'atomic'> | undefined;

/** How a value is walked: part by part as a map or a keyed list, or as one whole. */
type Shape = 'map' | 'list' | 'whole';

/** The type of a root by its name in the schema. */
export function rootType(type: string): Type {
  return { type };
}

function shapeOf(value: unknown, type: Type): Shape {
  if (Array.isArray(value)) return type?.keys ? 'list' : 'whole';
  if (!isObject(value) || type?.atomic) return 'whole';
  if (!type || type.form === 'map' || fieldsOf(type.type)) return 'map';
  return 'whole';
}

function typeOfField(type: Type, name: string): Type {
  if (!type) return undefined;
  return type.form === 'map' ? { type: type.type } : fieldOf(type.type, name);
}

/** An item's element of a path; throws INVALID for an item without its keys. */
function elementOf(item: unknown, type: NonNullable<Type>): string {
  const { keys = [] } = type;
  if (keys.length === 0) return `v:${JSON.stringify(item)}`;
  if (!isObject(item))
    throw badRequest(`an item of a list with the keys ${keys.join(', ')} is not an object`);
  const named = keys.toSorted().map((key) => {
    const value = item[key] ?? fieldOf(type.type, key)?.default;
    if (value === undefined && keys.length === 1) {
      throw badRequest(`an item of a list lacks its key ${JSON.stringify(key)}`);
    }
    return [key, value] as const;
  });
  return `k:${JSON.stringify(Object.fromEntries(named))}`;
}

/** Parts of a map or of a keyed list by path element; of equal items the last. */
function partsOf(value: unknown, type: Type): Map<string, { readonly value: unknown; readonly type: Type }> {
  if (Array.isArray(value) && type) {
    const { type: name } = type;
    return new Map(value.map((item) => [elementOf(item, type), { value: item, type: { type: name } }]));
  }
  return new Map(
    Object.entries(isObject(value) ? value : {})
      .filter(([, each]) => each !== undefined)
      .map(([name, each]) => [`f:${name}`, { value: each, type: typeOfField(type, name) }]),
  );
}

/** What of an object a configuration speaks of. Throws INVALID for list items that are twice there. */
export function fieldSetOf(value: unknown, type: Type, set = new FieldSet()): FieldSet {
  const shape = shapeOf(value, type);
  if (shape === 'whole') set.isMember = true;
  else {
    const parts = partsOf(value, type);
    if (Array.isArray(value) && parts.size < value.length) {
      throw badRequest('a list that is merged by keys has two items of the same key');
    }
    for (const [element, part] of parts) {
      const below = fieldSetOf(part.value, part.type, set.child(element));
      const isEmptyMap = isObject(part.value) && Object.keys(part.value).length === 0;
      if (shape === 'list' || type?.form === 'map' || isEmptyMap || part.value === null)
        below.isMember = true;
      if (below.isEmpty) set.children.delete(element);
    }
  }
  return set;
}

/** The live value with all that the configuration says put into it. */
export function merge(live: unknown, config: unknown, type: Type): unknown {
  if (config === undefined) return live;
  const shape = shapeOf(config, type);
  if (shape === 'whole' || shapeOf(live, type) !== shape) return config;
  if (shape === 'list') return mergeList(live as unknown[], config as unknown[], type as NonNullable<Type>);
  const merged: JsonObject = { ...(live as JsonObject) };
  for (const [name, value] of Object.entries(config as JsonObject)) {
    define(merged, name, merge(ownOf(merged, name), value, typeOfField(type, name)));
  }
  return merged;
}

/** Items in the configuration's order, and those that it does not speak of where they were among them. */
function mergeList(live: readonly unknown[], config: readonly unknown[], type: NonNullable<Type>): unknown[] {
  const itemType = { type: type.type };
  const before = live.map((item) => ({ item, element: elementOf(item, type) }));
  const wanted = config.map((item) => ({ item, element: elementOf(item, type) }));
  const isWanted = new Set(wanted.map(({ element }) => element));
  const old = new Map(before.map(({ element, item }) => [element, item]));
  const merged: unknown[] = [];
  let next = 0;
  const keepOthers = (): void => {
    for (let each = before[next]; each && !isWanted.has(each.element); each = before[next]) {
      merged.push(each.item);
      next += 1;
    }
  };
  for (const { item, element } of wanted) {
    keepOthers();
    merged.push(merge(old.get(element), item, itemType));
    if (before[next]?.element === element) next += 1;
  }
  return [
    ...merged,
    ...before.slice(next).flatMap((each) => (isWanted.has(each.element) ? [] : [each.item])),
  ];
}

/** The value without what was in `last` and nobody owns any more. */
export function prune(
  value: unknown,
  last: FieldSet,
  { owned, type }: { readonly owned: FieldSet | undefined; readonly type: Type },
): unknown {
  const shape = shapeOf(value, type);
  if (shape === 'whole') return value;
  const keep = (element: string, part: { readonly value: unknown; readonly type: Type }): unknown => {
    const before = last.children.get(element);
    if (!before) return part.value;
    const owners = owned?.children.get(element);
    // A named field goes with all below it: what nobody wrote there was a default.
    if (!owners && (before.isMember || element.startsWith('f:'))) return undefined;
    return prune(part.value, before, { owned: owners, type: part.type });
  };
  if (Array.isArray(value)) {
    return value
      .map((item) =>
        keep(elementOf(item, type as NonNullable<Type>), { value: item, type: { type: type?.type ?? '' } }),
      )
      .filter((item) => item !== undefined);
  }
  const kept: JsonObject = {};
  for (const [element, part] of partsOf(value, type)) {
    const next = keep(element, part);
    if (next !== undefined) define(kept, element.slice(2), next);
  }
  return kept;
}

/** Paths whose values two objects do not share. */
export interface Comparison {
  readonly written: FieldSet;
  readonly removed: FieldSet;
}

/** What a write changed: paths that are new or have another value, and paths that are gone. */
export function compare(
  before: unknown,
  after: unknown,
  type: Type,
  found: Comparison = { written: new FieldSet(), removed: new FieldSet() },
): Comparison {
  const shape = shapeOf(after ?? before, type);
  const isSameShape = before === undefined || after === undefined || shapeOf(before, type) === shape;
  if (shape === 'whole' || !isSameShape) {
    if (after === undefined) found.removed.isMember = true;
    else if (!isDeepStrictEqual(before, after)) found.written.isMember = true;
    return found;
  }
  if (before === undefined) found.written.isMember = true;
  if (after === undefined) found.removed.isMember = true;
  const left = partsOf(before ?? (shape === 'list' ? [] : {}), type);
  const right = partsOf(after ?? (shape === 'list' ? [] : {}), type);
  for (const element of new Set([...left.keys(), ...right.keys()])) {
    const [old, next] = [left.get(element), right.get(element)];
    if (old && next && isDeepStrictEqual(old.value, next.value)) continue;
    const below = { written: new FieldSet(), removed: new FieldSet() };
    compare(old?.value, next?.value, (next ?? old)?.type, below);
    if (!below.written.isEmpty) found.written.children.set(element, below.written);
    if (!below.removed.isEmpty) found.removed.children.set(element, below.removed);
  }
  return found;
}

function ownOf(object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** Sets a field of any name, `__proto__` too. */
function define(object: JsonObject, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
}
