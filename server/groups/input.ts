import { AppError } from '@skyarc/lib/errors';
import { z } from 'zod';

const name = z
  .string()
  .trim()
  .min(1, 'A group name is needed')
  .max(60, 'A group name has at most 60 characters')
  .regex(
    /^[\p{L}\p{N}][\p{L}\p{N} ._-]*$/u,
    'A group name has only letters, digits, spaces, ".", "_" and "-"',
  );
const note = z.string().max(2_000, 'A note has at most 2000 characters');

export const groupInput = z.object({ teamId: z.string(), name, note: note.nullish() });
export const groupChange = z.object({ name: name.nullish(), note: note.nullish() });

/** Checked input. Throws INVALID with the first reason and its field. */
export function check<Schema extends z.ZodType>(
  what: string,
  schema: Schema,
  input: unknown,
): z.output<Schema> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = issue?.path.join('.') ?? '';
  throw new AppError('INVALID', `${what}: ${issue?.message}`, { details: { field } });
}
