/** What a path below one Debian site's address is (wiki.debian.org/DebianRepository/Format). */
export type DebianPath =
  | { readonly kind: 'release'; readonly suite: string }
  | {
      readonly kind: 'byHash';
      readonly algorithm: 'sha256' | 'sha512' | 'sha1' | 'md5';
      readonly digest: string;
      readonly folder: string;
    }
  | { readonly kind: 'index'; readonly suite: string; readonly within: string }
  | { readonly kind: 'package' }
  | { readonly kind: 'other' };

const hashNames = { SHA512: 'sha512', SHA256: 'sha256', SHA1: 'sha1', MD5Sum: 'md5' } as const;

/** Null: nothing of a Debian site. */
export function parseDebianPath(parts: readonly string[]): DebianPath | null {
  if (parts.length < 2 || !parts.every((part) => /^[\w.+~:@=-]{1,255}$/.test(part))) return null;
  const file = parts.at(-1) as string;
  if (parts[0] !== 'dists') return { kind: /\.u?deb$/.test(file) ? 'package' : 'other' };
  const hash = hashNames[parts.at(-2) as keyof typeof hashNames];
  if (parts.at(-3) === 'by-hash' && hash !== undefined && /^[0-9a-f]{32,128}$/.test(file))
    return { kind: 'byHash', algorithm: hash, digest: file, folder: parts.slice(0, -3).join('/') };
  const split = suiteEnd(parts);
  const suite = parts.slice(1, split).join('/');
  if (/^(?:InRelease|Release(?:\.gpg)?)$/.test(file))
    return { kind: 'release', suite: parts.slice(1, -1).join('/') };
  return { kind: 'index', suite, within: parts.slice(split).join('/') };
}

/** A suite's name may have a slash, as in `bookworm/updates`. */
function suiteEnd(parts: readonly string[]): number {
  const component = parts.findIndex(
    (part, index) => index > 2 && /^(?:binary-|source$|i18n$|dep11$|by-hash$|Contents-)/.test(part),
  );
  return component > 2 ? component - 1 : 2;
}

/** SHA-256 by path from the text of a Release or InRelease file. */
export function parseRelease(text: string): Map<string, string> {
  const block = /^SHA256:[ \t]*\n((?:[ \t]+\S.*(?:\n|$))+)/m.exec(text)?.[1] ?? '';
  return new Map(
    block.split('\n').flatMap((line) => {
      const [, digest, path] = /^\s+([0-9a-f]{64})\s+\d+\s+(\S+)$/.exec(line) ?? [];
      return digest && path ? [[path, digest] as const] : [];
    }),
  );
}

/** SHA-256 by file name from the lines of a Packages file. */
export async function* parsePackages(
  lines: AsyncIterable<string>,
): AsyncGenerator<readonly [string, string]> {
  let file = '';
  let digest = '';
  for await (const line of lines) {
    if (line.startsWith('Filename: ')) file = line.slice('Filename: '.length).trim();
    else if (line.startsWith('SHA256: ')) digest = line.slice('SHA256: '.length).trim();
    else if (line === '') {
      if (file && digest) yield [file.replace(/^\.\//, ''), digest];
      file = '';
      digest = '';
    }
  }
  if (file && digest) yield [file.replace(/^\.\//, ''), digest];
}
