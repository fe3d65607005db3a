import { AppError } from '@skyarc/lib/errors';
import { z } from 'zod';
import { type Digests, parseIntegrity } from '../../store/digests.ts';

const dist = z.looseObject({
  tarball: z.string().optional(),
  integrity: z.string().optional(),
  shasum: z.string().optional(),
});
const packument = z.looseObject({
  name: z.string(),
  'dist-tags': z.record(z.string(), z.string()).default({}),
  versions: z.record(z.string(), z.looseObject({ dist: dist.optional() })).default({}),
});
/** A registry's description of a package with all its versions. */
export type Packument = z.output<typeof packument>;

export interface Tarball {
  readonly url: string;
  readonly digests: Digests;
}

export function parsePackument(text: string, name: string): Packument {
  try {
    return packument.parse(JSON.parse(text));
  } catch (error) {
    throw new AppError('UNAVAILABLE', `The upstream's description of ${name} cannot be read`, {
      cause: error,
    });
  }
}

/** Tarballs by the last part of their address. One without any digest is left out: nothing could prove it. */
export function tarballsOf({ versions }: Packument): Map<string, Tarball> {
  const found = Object.values(versions).flatMap((version) => {
    const { tarball = '', integrity = '', shasum } = version.dist ?? {};
    if (!URL.canParse(tarball)) return [];
    const digests = { ...(shasum ? { sha1: shasum } : {}), ...parseIntegrity(integrity) };
    return Object.keys(digests).length > 0 ? [[fileOf(tarball), { url: tarball, digests }] as const] : [];
  });
  return new Map(found);
}

/** The description with tarballs at our address. */
export function withOurTarballs(one: Packument, base: string): Packument {
  const versions = Object.entries(one.versions).map(([number, version]) => {
    const { tarball } = version.dist ?? {};
    if (tarball === undefined || !URL.canParse(tarball)) return [number, version] as const;
    const ours = `${base}/${one.name}/-/${encodeURIComponent(fileOf(tarball))}`;
    return [number, { ...version, dist: { ...version.dist, tarball: ours } }] as const;
  });
  return { ...one, versions: Object.fromEntries(versions) };
}

function fileOf(tarball: string): string {
  return decodeURIComponent(new URL(tarball).pathname.split('/').at(-1) ?? '');
}

const part = /^[a-zA-Z0-9~_-][\w.~-]{0,213}$/;
const scope = /^@[a-zA-Z0-9~_-][\w.~-]{0,100}$/;

/** What a path below the registry's address asks for. */
export type NpmPath =
  | { readonly kind: 'packument'; readonly name: string; readonly rest: readonly string[] }
  | { readonly kind: 'tarball'; readonly name: string; readonly file: string }
  | { readonly kind: 'service'; readonly rest: readonly string[] };

/**
 * Reads a path. What stands before the name is ignored for tarballs: a client that is told to use our host for
 * every locked address keeps the path of the registry that the lock names. Null: nothing of a registry.
 */
export function parseNpmPath(parts: readonly string[]): NpmPath | null {
  if (parts[0] === '-') return { kind: 'service', rest: parts.slice(1) };
  const dash = parts.lastIndexOf('-');
  const file = parts.at(-1) ?? '';
  if (dash > 0 && file.endsWith('.tgz')) {
    const owner = parts[dash - 2] ?? '';
    const hasScope = scope.test(owner);
    const bare = parts[dash - 1] as string;
    // A scoped file may stand below its scope.
    const isPlain = parts.length === dash + 2 || (hasScope && parts[dash + 1] === owner);
    return part.test(bare) && isPlain
      ? { kind: 'tarball', name: hasScope ? `${owner}/${bare}` : bare, file }
      : null;
  }
  const [first = '', second = ''] = parts;
  if (scope.test(first) && part.test(second))
    return { kind: 'packument', name: `${first}/${second}`, rest: parts.slice(2) };
  return part.test(first) ? { kind: 'packument', name: first, rest: parts.slice(1) } : null;
}
