/** Kinds of packages, by their names in package URLs (https://github.com/package-url/purl-spec). */
export type Ecosystem = 'deb' | 'npm' | 'pypi' | 'maven' | 'golang' | 'composer' | 'gem' | 'generic';

export interface FoundPackage {
  readonly ecosystem: Ecosystem;
  /** As its registry names it; Maven's with `:` between group and artifact. */
  readonly name: string;
  readonly version: string;
  /** As the package says itself; null when it does not. */
  readonly license?: string | null;
}

/** A file that may tell of packages. */
export interface TreeFile {
  /** Without a leading "/". */
  readonly path: string;
  readonly sizeBytes: number;
  readonly isExecutable: boolean;
  /** Its content, whole. */
  read(): Promise<Buffer>;
}

/** `pkg:npm/%40scope/name@1.0.0`. */
export function purlOf({ ecosystem, name, version }: FoundPackage): string {
  const path = (ecosystem === 'maven' ? name.replace(':', '/') : name)
    .split('/')
    .map((part) => encodeURIComponent(part))
    .join('/');
  const namespace = ecosystem === 'deb' ? 'debian/' : '';
  return `pkg:${ecosystem}/${namespace}${path}@${encodeURIComponent(version)}`;
}
