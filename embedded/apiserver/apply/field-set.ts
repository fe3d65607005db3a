import { isObject, type JsonObject } from '../object.ts';

/**
 * A set of paths within an object, as a tree of path elements in the words of FieldsV1: `f:<field>`, `k:<keys>` and
 * `v:<value>` of list items. (structured-merge-diff, fieldpath.Set)
 */
export class FieldSet {
  /** Whether the path that leads here is in the set, not only paths below it. */
  isMember = false;
  readonly children = new Map<string, FieldSet>();

  get isEmpty(): boolean {
    return !this.isMember && this.children.size === 0;
  }

  /** The set below an element, made when there is none. */
  child(element: string): FieldSet {
    let found = this.children.get(element);
    if (!found) this.children.set(element, (found = new FieldSet()));
    return found;
  }

  union(other: FieldSet | undefined): FieldSet {
    return combined(this, other, (left, right) => left || right);
  }

  without(other: FieldSet | undefined): FieldSet {
    return combined(this, other, (left, right) => left && !right);
  }

  intersection(other: FieldSet | undefined): FieldSet {
    return combined(this, other, (left, right) => left && right);
  }

  equals(other: FieldSet): boolean {
    if (this.isMember !== other.isMember || this.children.size !== other.children.size) return false;
    return [...this.children].every(([element, set]) => {
      const same = other.children.get(element);
      return same !== undefined && set.equals(same);
    });
  }

  /** The members, each as people write it: `.spec.containers[name="web"].image`. */
  paths(prefix = ''): string[] {
    const below = [...this.children].flatMap(([element, set]) => set.paths(`${prefix}${textOf(element)}`));
    return this.isMember ? [prefix, ...below] : below;
  }

  toFieldsV1(): JsonObject {
    const fields: JsonObject = {};
    if (this.isMember && this.children.size > 0) fields['.'] = {};
    for (const [element, set] of this.children) fields[element] = set.toFieldsV1();
    return fields;
  }

  /** Reads FieldsV1; what makes no sense there is left out. */
  static fromFieldsV1(fields: unknown): FieldSet {
    const set = new FieldSet();
    if (!isObject(fields)) return set;
    for (const [element, below] of Object.entries(fields)) {
      if (element === '.') set.isMember = true;
      else if (isObject(below)) {
        const child = FieldSet.fromFieldsV1(below);
        if (Object.keys(below).length === 0) child.isMember = true;
        set.children.set(element, child);
      }
    }
    return set;
  }
}

const nothing = new FieldSet();

function combined(
  left: FieldSet,
  right: FieldSet | undefined,
  isMember: (left: boolean, right: boolean) => boolean,
): FieldSet {
  const made = new FieldSet();
  made.isMember = isMember(left.isMember, right?.isMember ?? false);
  for (const element of new Set([...left.children.keys(), ...(right?.children.keys() ?? [])])) {
    const below = combined(
      left.children.get(element) ?? nothing,
      right?.children.get(element) ?? nothing,
      isMember,
    );
    if (!below.isEmpty) made.children.set(element, below);
  }
  return made;
}

function textOf(element: string): string {
  const value = element.slice(2);
  if (element.startsWith('f:')) return `.${value}`;
  if (element.startsWith('v:')) return `[=${value}]`;
  const keys = Object.entries(JSON.parse(value) as JsonObject);
  return `[${keys.map(([key, each]) => `${key}=${JSON.stringify(each)}`).join(',')}]`;
}
