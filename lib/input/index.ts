import { AppError } from '@skyarc/lib/errors';
import type { z } from 'zod';

/** Checked input. Throws INVALID that says what could not be done, where, and the first reason; names its field. */
export function check<Schema extends z.ZodType>(
  what: string,
  schema: Schema,
  input: unknown,
): z.output<Schema> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = issue?.path.join('.') ?? '';
  throw new AppError('INVALID', `${what}: ${field ? `${field}: ` : ''}${issue?.message}`, {
    details: { field },
  });
}
