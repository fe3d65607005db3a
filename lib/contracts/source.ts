import { z } from 'zod';
import { externalService } from './run.ts';

/** A Git reference name that is safe as an operand (git-check-ref-format(1), stricter). */
export const gitRef = z
  .string()
  .min(1, 'A branch is needed')
  .max(200, 'A branch has at most 200 characters')
  .regex(
    /^[A-Za-z0-9_][A-Za-z0-9._/+@#-]*$/,
    'A branch has no spaces, quotes or control characters and does not begin with "-"',
  )
  .refine(
    (ref) => !ref.includes('..') && !ref.includes('@{') && !ref.endsWith('.lock') && !ref.endsWith('/'),
    'is not a branch name that Git allows',
  );

/** `https://host/path`, `http://...`, `ssh://user@host/path` or `user@host:path`. */
export const gitUrl = z
  .string()
  .max(1024, 'A repository address has at most 1024 characters')
  .regex(
    /^(https?:\/\/[A-Za-z0-9.\-[\]:]+\/[^\s'"`\\$();|<>]*|ssh:\/\/([A-Za-z0-9._-]+@)?[A-Za-z0-9.\-[\]:]+\/[^\s'"`\\$();|<>]+|[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:[^\s'"`\\$();|<>-][^\s'"`\\$();|<>]*)$/,
    'A repository address begins with https://, http:// or ssh://, or is like git@host:path; it has no spaces or quotes, and no password (use the credentials fields)',
  );

/** A relative folder inside the source. */
export const subdirectory = z
  .string()
  .max(256)
  .regex(/^[A-Za-z0-9._][A-Za-z0-9._/ -]*$/, 'A folder has only letters, digits, ".", "_", "-" and "/"')
  .refine((path) => !path.split('/').includes('..'), 'A folder stays inside the repository');

const gitSource = z.object({
  kind: z.literal('GIT'),
  url: gitUrl,
  branch: gitRef,
  subdirectory: subdirectory.optional(),
});
const templateSource = z.object({
  kind: z.literal('TEMPLATE'),
  template: z.string().regex(/^[a-z][a-z0-9-]{0,40}$/),
});
/** A service outside the cluster: nothing is built or run. */
const externalSource = z.object({ kind: z.literal('EXTERNAL'), ...externalService.shape });

export const builtSource = z.discriminatedUnion('kind', [gitSource, templateSource]);
/** Where an app's code comes from. Credentials are kept apart, sealed. */
export type BuiltSource = z.infer<typeof builtSource>;

export const appSource = z.discriminatedUnion('kind', [gitSource, templateSource, externalSource]);
/** What an app is made of: code that is built, or a service outside. */
export type AppSource = z.infer<typeof appSource>;
