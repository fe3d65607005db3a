import { hash } from 'node:crypto';
import { AppError } from '@skyarc/lib/errors';
import { z } from 'zod';

const dist = z.looseObject({
  type: z.string().default('zip'),
  url: z.string(),
  reference: z.string().nullish(),
  shasum: z.string().nullish(),
});
/** A minified description (composer/metadata-minifier) tells of each version only what differs from the one before. */
const entry = z.looseObject({ dist: z.union([dist, z.literal('__unset')]).nullish() });
const description = z.looseObject({
  // PHP writes an empty map as a list.
  packages: z.preprocess(
    (value) => (Array.isArray(value) && value.length === 0 ? {} : value),
    z.record(z.string(), z.array(entry)),
  ),
});
/** What `/p2/<name>.json` says of a package's versions. */
export type Description = z.output<typeof description>;

export interface Dist {
  readonly url: string;
  /** Commit that it is of; null when it is not of git. */
  readonly commit: string | null;
  /** SHA-1 in hex; null: its server tells none. */
  readonly sha1: string | null;
}

const packageName = /^[a-z0-9](?:[_.-]?[a-z0-9]+)*\/[a-z0-9](?:(?:[_.]|-{1,2})?[a-z0-9]+)*$/;

/** `vendor/name` in lower case. */
export function isPackageName(text: string): boolean {
  return text.length < 200 && packageName.test(text);
}

export function parseDescription(text: string, name: string): Description {
  try {
    return description.parse(JSON.parse(text));
  } catch (error) {
    throw new AppError('UNAVAILABLE', `The upstream's description of ${name} cannot be read`, {
      cause: error,
    });
  }
}

/** The archive that `dist/<name>/<key>` is of. */
export function findDist({ packages }: Description, key: string): Dist | undefined {
  for (const { dist } of Object.values(packages).flat()) {
    if (typeof dist !== 'object' || dist === null || keyOf(dist) !== key) continue;
    const { url, reference, shasum } = dist;
    const commit = /^[0-9a-f]{40}$/.test(reference ?? '') ? (reference as string) : null;
    return { url, commit, sha1: /^[0-9a-f]{40}$/i.test(shasum ?? '') ? (shasum as string) : null };
  }
  return undefined;
}

/** The description with archives at our address. */
export function withOurDists(one: Description, base: string): Description {
  const packages = Object.entries(one.packages).map(([name, versions]) => {
    const ours = versions.map((version) => {
      const { dist } = version;
      if (typeof dist !== 'object' || dist === null) return version;
      const ending = /^[a-z]{1,8}$/.test(dist.type) ? dist.type : 'zip';
      return { ...version, dist: { ...dist, url: `${base}/dist/${name}/${keyOf(dist)}.${ending}` } };
    });
    return [name, ours] as const;
  });
  return { ...one, packages: Object.fromEntries(packages) };
}

/** A name for an archive: the commit, so that whoever has a lock file can tell it, else made of its address. */
function keyOf({ url, reference }: z.output<typeof dist>): string {
  return /^[0-9a-f]{40}$/.test(reference ?? '') ? (reference as string) : hash('sha1', url, 'hex');
}
