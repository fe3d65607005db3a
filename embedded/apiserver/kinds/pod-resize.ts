import { isDeepStrictEqual } from 'node:util';
import { forbiddenField, invalidValue, type FieldError } from '../field-error.ts';
import { isObject, listAt, textAt, type JsonObject } from '../object.ts';

const lists = ['containers', 'initContainers'] as const;

/** The pod's spec with the resources of another one's containers, found by their names, and nothing else of it. */
export function resizedSpec(old: JsonObject, sent: unknown): JsonObject {
  const next = { ...old };
  for (const list of lists) {
    if (!Array.isArray(old[list])) continue;
    const asked = listAt(sent, list);
    next[list] = listAt(old, list).map((container) => {
      const found = asked.find(({ name }) => name === container['name']);
      return found ? { ...container, resources: found['resources'] ?? {} } : container;
    });
  }
  return next;
}

/** Whether a container of two specs has other resources. */
export function isResized(spec: JsonObject, old: JsonObject): boolean {
  return lists.some((list) => {
    const of = (each: JsonObject): unknown => listAt(each, list).map(({ resources = {} }) => resources);
    return !isDeepStrictEqual(of(spec), of(old));
  });
}

/** What a running pod's resources may become: other amounts of cpu and memory, within its class (KEP-1287). */
export function validateResize(
  spec: JsonObject,
  old: JsonObject,
  classOf: (spec: JsonObject) => string,
): FieldError[] {
  if (!isResized(spec, old)) return [];
  const before = classOf(old);
  const path = 'spec.containers';
  const errors =
    classOf(spec) === before
      ? []
      : [invalidValue(path, classOf(spec), 'Pod QOS Class may not change as a result of resizing')];
  return [
    ...errors,
    ...lists.flatMap((list) =>
      listAt(spec, list).flatMap((container, i) => {
        const field = `spec.${list}[${i}].resources`;
        const previous = listAt(old, list)[i] ?? {};
        if (isDeepStrictEqual(container['resources'] ?? {}, previous['resources'] ?? {})) return [];
        if (list === 'initContainers' && textAt(container, 'restartPolicy') !== 'Always') {
          return [forbiddenField(field, 'resources of a container that is not restarted may not change')];
        }
        return amountErrors(container['resources'], previous['resources'], field);
      }),
    ),
  ];
}

function amountErrors(resources: unknown, old: unknown, field: string): FieldError[] {
  return ['limits', 'requests'].flatMap((part) => {
    const [next, previous] = [resources, old].map((each) => amountsIn(each, part)) as [
      JsonObject,
      JsonObject,
    ];
    const names = [...new Set([...Object.keys(next), ...Object.keys(previous)])];
    return names.flatMap((name) => {
      if (next[name] === previous[name]) return [];
      const at = `${field}.${part}.${name}`;
      if (name !== 'cpu' && name !== 'memory')
        return [forbiddenField(at, 'only cpu and memory may be resized')];
      return next[name] === undefined ? [forbiddenField(at, `resource ${part} cannot be removed`)] : [];
    });
  });
}

function amountsIn(resources: unknown, part: string): JsonObject {
  const amounts = isObject(resources) ? resources[part] : undefined;
  return isObject(amounts) ? amounts : {};
}
