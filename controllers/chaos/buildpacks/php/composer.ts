import { AppError } from '@skyarc/lib/errors';
import { z } from 'zod';
import { phpVersion } from '../../base/runtimes/php.ts';
import type { SourceTree } from '../../sources/tree.ts';
import { satisfies } from '../versions.ts';

const requirements = z
  .union([z.record(z.string(), z.string()), z.array(z.never()).transform(() => ({}))])
  .default({}) as z.ZodType<Readonly<Record<string, string>>>;
const manifestShape = z.looseObject({
  require: requirements.optional(),
  repositories: z.unknown().optional(),
  config: z.looseObject({ 'vendor-dir': z.string().optional() }).optional(),
});
const lockShape = z.looseObject({
  packages: z
    .array(z.looseObject({ name: z.string(), type: z.string().optional(), require: requirements.optional() }))
    .default([]),
});

/** What composer.json and composer.lock say. */
export interface ComposerFacts {
  readonly hasLock: boolean;
  /** Names of extensions, of the app and of all its packages. */
  readonly extensions: readonly string[];
  readonly hasPackages: boolean;
  readonly vendorDir: string;
  /** Whether nothing but the two files decides what is installed: no plug-in runs, no folder of the source is used. */
  readonly isSelfContained: boolean;
}

/** Null without composer.json. Throws INVALID when it cannot be read or wants another PHP. */
export async function readComposer(source: SourceTree): Promise<ComposerFacts | null> {
  const text = await source.readText('composer.json');
  if (text === null) return null;
  const manifest = parse('composer.json', text, manifestShape);
  const lockText = await source.readText('composer.lock');
  const lock = lockText === null ? null : parse('composer.lock', lockText, lockShape);
  const wanted = manifest.require ?? {};
  checkVersion(wanted['php'] ?? wanted['php-64bit']);
  const packages = lock?.packages ?? [];
  const all = [wanted, ...packages.map(({ require = {} }) => require)].flatMap((record) =>
    Object.keys(record),
  );
  const extensions = all.flatMap((key) => /^ext-(.+)$/.exec(key)?.[1] ?? []);
  const vendorDir = manifest.config?.['vendor-dir'] ?? 'vendor';
  const usesFolders = /"type"\s*:\s*"(?:path|artifact)"/.test(JSON.stringify(manifest.repositories ?? null));
  const hasPlugins = packages.some(({ type }) => type === 'composer-plugin' || type === 'composer-installer');
  return {
    hasLock: lock !== null,
    extensions: [...new Set(extensions)],
    hasPackages: packages.length > 0 || Object.keys(wanted).some((key) => key.includes('/')),
    vendorDir,
    isSelfContained: lock !== null && !usesFolders && !hasPlugins && vendorDir === 'vendor',
  };
}

/** A lock file whose archives are sought at a repository before their own addresses (Composer's `dist.mirrors`). */
export function withMirrors(lock: unknown, repositoryUrl: string): unknown {
  const found = z.looseObject({ packages: lockedPackages }).parse(lock);
  const mirror = { url: `${repositoryUrl}/dist/%package%/%reference%.%type%`, preferred: true };
  const packages = found.packages.map((one) =>
    // A commit tells what the archive is, wherever it comes from.
    /^[0-9a-f]{40}$/.test(one.dist?.reference ?? '')
      ? { ...one, dist: { ...one.dist, mirrors: [mirror] } }
      : one,
  );
  return { ...found, packages };
}

const lockedPackages = z
  .array(z.looseObject({ dist: z.looseObject({ reference: z.string().nullish() }).nullish() }))
  .default([]);

function checkVersion(range: string | undefined): void {
  if (range === undefined || satisfies(phpVersion, range) !== false) return;
  throw new AppError(
    'INVALID',
    `composer.json requires PHP ${range.slice(0, 60)}, and there is ${phpVersion}; widen "require.php", or use a Dockerfile`,
  );
}

function parse<T extends z.ZodType>(name: string, text: string, shape: T): z.output<T> {
  try {
    return shape.parse(JSON.parse(text));
  } catch (cause) {
    const reason =
      cause instanceof z.ZodError ? `"${cause.issues[0]?.path.join('.')}" has a wrong type` : String(cause);
    throw new AppError('INVALID', `${name} cannot be read: ${reason.replace(/^SyntaxError: /, '')}`, {
      cause,
    });
  }
}
