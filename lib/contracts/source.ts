import { z } from 'zod';
import { entityId } from './ids.ts';
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
    /^(https?:\/\/[A-Za-z0-9[][A-Za-z0-9.\-[\]:]*\/[^\s'"`\\$();|<>]*|ssh:\/\/([A-Za-z0-9._][A-Za-z0-9._-]*@)?[A-Za-z0-9[][A-Za-z0-9.\-[\]:]*\/[^\s'"`\\$();|<>]+|[A-Za-z0-9._][A-Za-z0-9._-]*@[A-Za-z0-9][A-Za-z0-9.-]*:[^\s'"`\\$();|<>-][^\s'"`\\$();|<>]*)$/,
    'A repository address begins with https://, http:// or ssh://, or is like git@host:path; it has no spaces or quotes, and no password (use the credentials fields)',
  );

/** A relative folder inside the source. */
export const subdirectory = z
  .string()
  .max(256)
  .regex(/^[A-Za-z0-9._][A-Za-z0-9._/ -]*$/, 'A folder has only letters, digits, ".", "_", "-" and "/"')
  .refine((path) => !path.split('/').includes('..'), 'A folder stays inside the repository');

/** What the name of a Git source is: without it the branch, else the tag, else the commit of that name. */
export const gitRefKind = z.enum(['BRANCH', 'TAG', 'COMMIT']);

/** `https://host/path`, `http://...` or `svn://host/path`. */
export const svnUrl = z
  .string()
  .max(1024, 'A repository address has at most 1024 characters')
  .regex(
    /^(https?|svn):\/\/[A-Za-z0-9[][A-Za-z0-9.\-[\]:]*\/[^\s'"`\\$();|<>@]*$/,
    'A Subversion address begins with https://, http:// or svn://; it has no spaces, quotes or "@", and no password (use the credentials fields)',
  );

/** A folder under a Subversion address: trunk, branches/<name>, tags/<name>, or empty for the address itself. */
export const svnFolder = z
  .string()
  .max(200, 'A branch has at most 200 characters')
  .regex(
    /^([A-Za-z0-9_][A-Za-z0-9._/+# -]*)?$/,
    'A Subversion branch is trunk, branches/<name>, tags/<name> or empty',
  )
  .refine(
    (folder) => !folder.split('/').some((part, index) => part === '..' || (part === '' && index > 0)),
    'A Subversion branch stays inside the repository',
  );

export const svnRevision = z
  .int('A revision is a whole number')
  .min(1, 'A revision is at least 1')
  .max(2_147_483_647, 'A revision is at most 2147483647');

/** Name of an archive that may be uploaded; its ending tells what it is. */
export const uploadFileName = z
  .string()
  .max(200, 'A file name has at most 200 characters')
  .regex(/^[\p{L}\p{N}_][\p{L}\p{N}._+() -]*$/u, 'A file name has only letters, digits, spaces and "._+-()"')
  .regex(/\.(zip|tar|tar\.gz|tgz|jar|war)$/i, 'An upload is a .zip, .tar, .tar.gz, .tgz, .jar or .war file');

export const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** Host of a registry with an optional port, as in image references. */
export const registryHost = z
  .string()
  .max(255, 'A registry host has at most 255 characters')
  .regex(
    /^([a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*|\[[0-9a-f:]+\])(:[1-9][0-9]{0,4})?$/,
    'A registry is a host name such as registry.example.com, with a port where needed, without https://',
  );

/** Image reference by the grammar of distribution/reference: `[host/]name[:tag][@sha256:...]`. */
export const imageReference = z
  .string()
  .max(400, 'An image reference has at most 400 characters')
  .regex(
    /^(([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?\/)?[a-z0-9]+([._-]+[a-z0-9]+)*(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?$/,
    'An image is like nginx:1.27, registry.example.com/team/shop:1.0 or name@sha256:...; it has no https://, spaces or capitals in its name',
  )
  .refine((text) => !text.startsWith('-') && !text.startsWith('.'), 'An image begins with a letter or digit');

const gitSource = z.object({
  kind: z.literal('GIT'),
  url: gitUrl,
  branch: gitRef,
  refKind: gitRefKind.optional(),
  subdirectory: subdirectory.optional(),
});
const svnSource = z.object({
  kind: z.literal('SVN'),
  url: svnUrl,
  branch: svnFolder,
  revision: svnRevision.optional(),
  subdirectory: subdirectory.optional(),
});
/** The bytes are found by team and digest; the id and name are for people. */
const uploadSource = z.object({
  kind: z.literal('UPLOAD'),
  uploadId: entityId,
  sha256,
  fileName: uploadFileName,
  subdirectory: subdirectory.optional(),
});
const imageSource = z.object({ kind: z.literal('IMAGE'), image: imageReference });
const templateSource = z.object({
  kind: z.literal('TEMPLATE'),
  template: z.string().regex(/^[a-z][a-z0-9-]{0,40}$/),
});
/** A service outside the cluster: nothing is built or run. */
const externalSource = z.object({ kind: z.literal('EXTERNAL'), ...externalService.shape });

const built = [gitSource, svnSource, uploadSource, imageSource, templateSource] as const;
export const builtSource = z.discriminatedUnion('kind', built);
/** Where an app's code comes from. Credentials are kept apart, sealed. */
export type BuiltSource = z.infer<typeof builtSource>;

export const appSource = z.discriminatedUnion('kind', [...built, externalSource]);
/** What an app is made of: code that is built, or a service outside. */
export type AppSource = z.infer<typeof appSource>;
