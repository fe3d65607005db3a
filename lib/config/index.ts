import { AppError } from '@skyarc/lib/errors';
import type { z } from 'zod';

/**
 * Configuration checked against its schema, with defaults filled in.
 * Throws INVALID that names every wrong field at once.
 */
export function parseConfig<Schema extends z.ZodType>(
  service: string,
  schema: Schema,
  input: unknown,
): z.output<Schema> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(
    (issue) => `${issue.path.join('.') || 'config'}: ${issue.message}`,
  );
  throw new AppError('INVALID', `Cannot start ${service}: ${problems.join('; ')}`, { details: { problems } });
}
