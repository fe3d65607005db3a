import { realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { BuiltSource } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import type { Shared } from '../shared.ts';
import { openCredentials } from './credentials.ts';
import { GitSource } from './git.ts';
import type { Source } from './source.ts';
import { SvnSource } from './svn.ts';
import { TemplateSource } from './template.ts';
import { UploadSource } from './upload.ts';

/** Sources of files; an image is none. */
export type FileSource = Exclude<BuiltSource, { kind: 'IMAGE' }>;

/** For whom and with what a source is asked. */
export interface SourceContext {
  readonly shared: Shared;
  readonly teamName: string;
  /** The team's SSH key, sealed. */
  readonly sshPrivateKey: string;
  /** Credentials of the source, sealed for a place. */
  readonly secret: { readonly sealed: string | null; readonly place: string };
  readonly allowPrivate: boolean;
  /** A folder of nobody's for one fetch. */
  readonly folder: string;
  /** Told of secrets that no log may show. */
  readonly hide: (secret: string) => void;
  readonly signal: AbortSignal;
}

/** Nothing is asked of it yet. */
export function openSource(source: FileSource, context: SourceContext): Source {
  const { shared, teamName, folder } = context;
  const { config } = shared;
  const policy = { allowPrivate: context.allowPrivate };
  const credentials = () => openCredentials(shared.secrets, context.secret, context.hide);
  switch (source.kind) {
    case 'TEMPLATE':
      return new TemplateSource(config.samplesDir, source.template);
    case 'UPLOAD':
      return new UploadSource({
        ...source,
        file: join(uploadsFolderOf(shared), teamName, source.sha256),
        maxBytes: config.limits.sourceMb * 2 ** 20,
        signal: context.signal,
      });
    case 'SVN':
      return new SvnSource({
        ...source,
        credentials: credentials(),
        policy,
        folder,
        signal: timed(context.signal, config.limits.fetchTimeoutMs, source.url),
      });
    case 'GIT': {
      const isSsh = !/^https?:/.test(source.url);
      return new GitSource({
        ...source,
        credentials: isSsh ? undefined : credentials(),
        sshKey:
          isSsh && context.sshPrivateKey
            ? shared.secrets.open(context.sshPrivateKey, `team:${teamName}`)
            : undefined,
        knownHostsFile: join(config.dataDir, 'teams', teamName, 'known_hosts'),
        policy,
        env: proxiesOf(shared.upstreams.env),
        folder,
        signal: timed(context.signal, config.limits.fetchTimeoutMs, source.url),
      });
    }
  }
}

/** The subdirectory of a source, if it is a folder of it and not a link out of it. Throws NOT_FOUND. */
export async function enterSubdirectory(source: FileSource, files: string): Promise<string> {
  // Subversion gives a folder alone.
  const subdirectory = source.kind === 'GIT' || source.kind === 'UPLOAD' ? source.subdirectory : undefined;
  if (!subdirectory) return files;
  const root = await realpath(files);
  const real = await realpath(join(root, subdirectory)).catch(() => null);
  if (real !== null && real.startsWith(root + sep)) return real;
  throw new AppError('NOT_FOUND', `The source has no folder "${subdirectory}"`);
}

function uploadsFolderOf({ config }: Shared): string {
  return config.uploadsDir ?? join(config.dataDir, 'uploads');
}

function timed(signal: AbortSignal, timeoutMs: number, url: string): AbortSignal {
  const controller = new AbortController();
  const seconds = Math.round(timeoutMs / 1000);
  setTimeout(
    () =>
      controller.abort(new AppError('TIMEOUT', `Cannot fetch ${url}: it took more than ${seconds} seconds`)),
    timeoutMs,
  ).unref();
  return AbortSignal.any([signal, controller.signal]);
}

function proxiesOf(env: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => /_proxy$/i.test(name)));
}
