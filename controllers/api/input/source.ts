import {
  type AppSource,
  entityId,
  externalService,
  gitRef,
  gitRefKind,
  gitUrl,
  imageReference,
  registryHost,
  subdirectory,
  svnFolder,
  svnRevision,
  svnUrl,
  uploadFileName,
} from '@skyarc/lib/contracts';
import { z } from 'zod';
import { plainText } from './text.ts';

const folder = z.union([z.literal(''), subdirectory]).optional();
const password = z.string().max(4_096, 'A password has at most 4096 characters');
const login = {
  username: plainText(200, 'A user name').optional(),
  password: password.optional(),
};
const commitId = /^[0-9a-f]{40}$/;

const git = z
  .object({ url: gitUrl, branch: z.string(), refKind: gitRefKind.optional(), subdirectory: folder, ...login })
  // As Rainbond writes tags.
  .transform(({ branch, ...rest }) =>
    branch.startsWith('tag:')
      ? { ...rest, branch: branch.slice(4), refKind: 'TAG' as const }
      : { ...rest, branch },
  )
  .pipe(
    z.object({
      url: gitUrl,
      branch: gitRef,
      refKind: gitRefKind.optional(),
      subdirectory: folder,
      ...login,
    }),
  )
  .refine(({ refKind, branch }) => refKind !== 'COMMIT' || commitId.test(branch), {
    path: ['branch'],
    message: 'A commit is its whole id of 40 hexadecimal digits',
  });

const svnPrefixes: readonly (readonly [string, string])[] = [
  ['branch:', 'branches/'],
  ['tag:', 'tags/'],
];
/** `branch:x` and `tag:x` are taken, too, as Rainbond writes them. */
const svnBranch = z
  .string()
  .default('trunk')
  .transform((text) => {
    const [from, to] = svnPrefixes.find(([prefix]) => text.startsWith(prefix)) ?? ['', ''];
    return to + text.slice(from.length);
  })
  .pipe(svnFolder);

const svn = z.object({
  url: svnUrl,
  branch: svnBranch,
  revision: svnRevision.optional(),
  subdirectory: folder,
  ...login,
});

/** Exactly one kind of source. */
export const source = z
  .object({
    git: git.optional(),
    svn: svn.optional(),
    upload: z.object({ id: entityId, subdirectory: folder }).optional(),
    image: z.object({ reference: imageReference }).optional(),
    template: z
      .string()
      .regex(/^[a-z][a-z0-9-]{0,40}$/, 'is not the name of a template')
      .optional(),
    external: externalService.optional(),
  })
  .refine(
    (given) => Object.values(given).filter((one) => one !== undefined).length === 1,
    'Give exactly one of git, svn, upload, image, template and external',
  );
export type CheckedSource = z.output<typeof source>;

/** Name of a buildpack; empty for none in particular. */
export const buildpack = z.string().regex(/^([a-z][a-z0-9-]{0,40})?$/, 'is not the name of a buildpack');

export const sourceInputs = {
  examine: z.object({ source, buildpack: buildpack.optional(), appId: entityId.optional() }),
  upload: z.object({
    fileName: uploadFileName,
    sizeBytes: z.number().min(1, 'The file is empty').optional(),
    binding: z.string().min(1).max(200),
  }),
  registryCredential: z.object({
    host: z
      .string()
      .transform((host) =>
        host === 'index.docker.io' || host === 'registry-1.docker.io' ? 'docker.io' : host,
      )
      .pipe(registryHost),
    username: plainText(200, 'A user name').min(1, 'A user name is needed'),
    password: password.min(1, 'A password is needed').optional(),
  }),
};

/** What an upload's row says of it. */
export interface StoredUpload {
  readonly id: string;
  readonly sha256: string;
  readonly fileName: string;
}

/** The source as it is stored, without its credentials. */
export function appSourceOf(wanted: CheckedSource, upload: StoredUpload | null): AppSource {
  const { git, svn, image, template, external } = wanted;
  if (external) return { kind: 'EXTERNAL', ...external };
  if (git) {
    const { url, branch, refKind } = git;
    return { kind: 'GIT', url, branch, ...(refKind && { refKind }), ...within(git.subdirectory) };
  }
  if (svn) {
    const { url, branch, revision } = svn;
    return { kind: 'SVN', url, branch, ...(revision && { revision }), ...within(svn.subdirectory) };
  }
  if (image) return { kind: 'IMAGE', image: image.reference };
  if (wanted.upload && upload) {
    const { id: uploadId, sha256, fileName } = upload;
    return { kind: 'UPLOAD', uploadId, sha256, fileName, ...within(wanted.upload.subdirectory) };
  }
  return { kind: 'TEMPLATE', template: template ?? '' };
}

function within(subdirectory: string | undefined): { subdirectory?: string } {
  return subdirectory ? { subdirectory } : {};
}
