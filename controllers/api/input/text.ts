import { z } from 'zod';

/** One line of text. */
export const plainText = (max: number, what: string) =>
  z
    .string()
    .max(max, `${what} has at most ${max} characters`)
    .regex(/^\P{Cc}*$/u, `${what} has no control characters`);

export const between = (min: number, max: number, what: string) =>
  z.int().min(min, `${what} is at least ${min}`).max(max, `${what} is at most ${max}`);

/** RFC 1123 label. */
export const label = (what: string) =>
  z
    .string()
    .max(40, `${what} has at most 40 characters`)
    .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, `${what} has only a-z, 0-9 and inner "-"`);

export const groupId = z.string().regex(/^[a-z0-9-]{1,64}$/, 'is not the id of a group');

/** A list in which no two have the same key; the issue names the second one. */
export function distinct<Item extends z.ZodType>(
  list: z.ZodArray<Item>,
  keyOf: (item: z.output<Item>) => unknown,
  message: string,
) {
  return list.superRefine((items, context) => {
    const known = new Set<unknown>();
    for (const [index, item] of (items as z.output<Item>[]).entries()) {
      const key = keyOf(item);
      if (known.has(key)) context.addIssue({ code: 'custom', path: [index], message, input: item });
      known.add(key);
    }
  });
}

/** The same without fields that are null: for a caller null and absent are one, for a schema's defaults not. */
export function withoutNulls(input: unknown): unknown {
  if (Array.isArray(input)) return input.map(withoutNulls);
  if (typeof input !== 'object' || input === null) return input;
  return Object.fromEntries(
    Object.entries(input)
      .filter(([, value]) => value !== null)
      .map(([name, value]) => [name, withoutNulls(value)]),
  );
}
