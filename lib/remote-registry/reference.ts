import { AppError } from '@skyarc/lib/errors';

/** An image of a registry, with everything that its short form leaves out. */
export interface RemoteReference {
  /** As people write it: `docker.io`, `registry.example.com:5000`. */
  readonly host: string;
  readonly repository: string;
  readonly tag: string | null;
  /** Wins over the tag. */
  readonly digest: string | null;
}

/** Reads `[host/]name[:tag][@digest]` by the rules of distribution/reference. Throws INVALID. */
export function parseReference(text: string): RemoteReference {
  const [, name = '', tag = null, digest = null] =
    /^(.+?)(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$/.exec(text) ?? [];
  const [first = '', ...rest] = name.split('/');
  const hasHost = rest.length > 0 && /[.:]|^localhost$/.test(first);
  const path = hasHost ? rest.join('/') : name;
  if (!/^[a-z0-9]+([._-]+[a-z0-9]+)*(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*$/.test(path))
    throw new AppError('INVALID', `"${text.slice(0, 200)}" is not the name of an image`);
  const host = hasHost
    ? first.toLowerCase().replace(/^(index|registry-1)\.docker\.io$/, 'docker.io')
    : 'docker.io';
  const isOfficial = host === 'docker.io' && !path.includes('/');
  const repository = isOfficial ? `library/${path}` : path;
  return { host, repository, tag: tag ?? (digest ? null : 'latest'), digest };
}
