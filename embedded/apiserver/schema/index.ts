import types from './generated/types.json' with { type: 'json' };

/** One field of an API type. */
export interface Field {
  /** Its number in the protobuf encoding. */
  readonly number: number;
  /** A name in `types`, or one of the leaf types. */
  readonly type: string;
  readonly form?: 'list' | 'map';
  /** Its fields stand in the parent's JSON. */
  readonly inline?: boolean;
  /** A zero value is left out of the JSON. */
  readonly noZero?: boolean;
  /** A list merged by this key of its items; '' merges plain values as a set. */
  readonly merge?: string;
  /** A list that server-side apply merges by these keys of its items; none merges plain values as a set. */
  readonly keys?: readonly string[];
  /** A map or an object that server-side apply takes as one whole. */
  readonly atomic?: boolean;
  /** What a text is when it is left out. */
  readonly default?: string;
}

/** Fields of an API type by their JSON name. */
export type Fields = Readonly<Record<string, Field>>;

const table = types as { kinds: Record<string, string>; types: Record<string, Fields> };
const metadata = 'meta.v1.ObjectMeta';

/** Name of the type of a kind; undefined for a kind that is not known. */
export function typeOfKind(apiVersion: string, kind: string): string | undefined {
  return table.kinds[`${apiVersion} ${kind}`];
}

/** Fields of a type; undefined for a leaf type. */
export function fieldsOf(type: string): Fields | undefined {
  return table.types[type];
}

/** A field by its JSON name, found among inline fields too; `apiVersion` and `kind` of roots are texts. */
export function fieldOf(type: string, name: string): Field | undefined {
  const fields = fieldsOf(type);
  if (!fields) return undefined;
  if (Object.hasOwn(fields, name)) return fields[name];
  for (const field of Object.values(fields)) {
    const inner = field.inline ? fieldOf(field.type, name) : undefined;
    if (inner) return inner;
  }
  const isTyped = fields['metadata']?.type === metadata && (name === 'apiVersion' || name === 'kind');
  return isTyped ? { number: 0, type: 'string' } : undefined;
}
