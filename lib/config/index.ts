import { AppError } from '@skyarc/lib/errors';
import { z } from 'zod';

/** URLs of etcd: of one member, or of several with commas between them. */
export const etcdUrls = z
  .string()
  .regex(/^https?:\/\/[^,\s]+(,https?:\/\/[^,\s]+)*$/, 'must be URLs with commas');

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
