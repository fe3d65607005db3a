/** What a path of a Maven repository (its default layout) is. */
export interface MavenPath {
  readonly path: string;
  /** `group:artifact`, or empty where the path is too short for one. */
  readonly name: string;
  /** Folder of the artifact or group that metadata speaks of, and of all its versions. */
  readonly artifactFolder: string;
  readonly isMetadata: boolean;
  /** A version that changes until it is released. */
  readonly isSnapshot: boolean;
  /** Of a checksum file: which one, of what. */
  readonly checksum?: { readonly algorithm: 'md5' | 'sha1' | 'sha256' | 'sha512'; readonly of: string };
}

/** Null: not a path of a file. */
export function parseMavenPath(parts: readonly string[]): MavenPath | null {
  if (parts.length < 2 || !parts.every((part) => /^[\w.+~$(){}!@,=-]{1,255}$/.test(part))) return null;
  const path = parts.join('/');
  const [, of, algorithm] = /^(.+)\.(md5|sha1|sha256|sha512)$/.exec(path) ?? [];
  const file = (of ?? path).split('/').at(-1) as string;
  const isMetadata = file === 'maven-metadata.xml';
  const folder = parts.at(-2) as string;
  const isVersioned = !isMetadata || folder.endsWith('-SNAPSHOT');
  const artifact = isVersioned ? parts.slice(0, -2) : parts.slice(0, -1);
  return {
    path,
    name: artifact.length > 1 ? `${artifact.slice(0, -1).join('.')}:${artifact.at(-1)}` : '',
    artifactFolder: artifact.join('/'),
    isMetadata,
    isSnapshot: isVersioned && folder.endsWith('-SNAPSHOT'),
    ...(of && algorithm
      ? { checksum: { algorithm: algorithm as NonNullable<MavenPath['checksum']>['algorithm'], of } }
      : {}),
  };
}
