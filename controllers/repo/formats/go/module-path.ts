/** What a path of the GOPROXY protocol (go.dev/ref/mod#goproxy-protocol) asks for. */
export interface GoPath {
  /** Escaped as in the path: an upper-case letter is "!" and the lower-case one. */
  readonly module: string;
  /** `list`, `latest`, or the kind of a version's file. */
  readonly kind: 'list' | 'latest' | 'info' | 'mod' | 'zip';
  /** Empty for `list` and `latest`; may be a branch or commit in `info`. */
  readonly version: string;
}

/** Null: nothing of the protocol. */
export function parseGoPath(parts: readonly string[]): GoPath | null {
  const end = parts.at(-1) ?? '';
  const isLatest = end === '@latest';
  const modulePath = isLatest ? parts.slice(0, -1) : parts.slice(0, -2);
  if (!isLatest && parts.at(-2) !== '@v') return null;
  if (modulePath.length === 0 || !modulePath.every((part) => /^[a-z0-9!._~-]{1,200}$/.test(part)))
    return null;
  const module = modulePath.join('/');
  if (isLatest) return { module, kind: 'latest', version: '' };
  if (end === 'list') return { module, kind: 'list', version: '' };
  const [, version, kind] = /^([A-Za-z0-9!._~+-]{1,200})\.(info|mod|zip)$/.exec(end) ?? [];
  return version && kind ? { module, kind: kind as GoPath['kind'], version } : null;
}

/** Whether a version means the same for ever: a full semantic version, pseudo-versions among them. */
export function isFixedVersion(version: string): boolean {
  return /^v\d+\.\d+\.\d+(?:[-+][\w.!+-]+)?$/.test(version);
}

/** The path or version as people write it. */
export function unescapePath(escaped: string): string {
  return escaped.replace(/!([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** Compares semantic versions (semver.org, 11); pre-releases come before their release. */
export function compareVersions(left: string, right: string): number {
  const [a, b] = [left, right].map((text) => /^v(\d+)\.(\d+)\.(\d+)(?:-([^+]*))?/.exec(text) ?? []);
  for (const index of [1, 2, 3]) {
    const difference = Number(a?.[index] ?? 0) - Number(b?.[index] ?? 0);
    if (difference !== 0) return difference;
  }
  const [pre, other] = [a?.[4], b?.[4]];
  if (pre === other) return 0;
  if (pre === undefined) return 1;
  if (other === undefined) return -1;
  return comparePreReleases(pre.split('.'), other.split('.'));
}

function comparePreReleases(left: readonly string[], right: readonly string[]): number {
  for (const [index, one] of left.entries()) {
    const other = right[index];
    if (other === undefined) return 1;
    if (one === other) continue;
    const areNumbers = /^\d+$/.test(one) && /^\d+$/.test(other);
    if (areNumbers) return Number(one) - Number(other);
    if (/^\d+$/.test(one)) return -1;
    if (/^\d+$/.test(other)) return 1;
    return one < other ? -1 : 1;
  }
  return left.length - right.length;
}
