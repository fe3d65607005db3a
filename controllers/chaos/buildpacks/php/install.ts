import { createHash } from 'node:crypto';
import { cp, lstat, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@skyarc/lib/errors';
import { repoAddress } from '../../sandbox/network.ts';
import type { Mount } from '../../sandbox/spec.ts';
import type { BuildContext, FolderLayer } from '../buildpack.ts';
import { type ComposerFacts, withMirrors } from './composer.ts';

/** Runs one Composer command in the app's folder. */
type Composer = (args: readonly string[]) => Promise<void>;

/**
 * Installs packages as a layer of their own. What the autoloader knows of the app's classes is made at each
 * build and belongs to the app's layer.
 */
export async function installPackages(
  context: BuildContext,
  facts: ComposerFacts,
  runtimeDigest: string,
): Promise<readonly FolderLayer[]> {
  const { room, source, say } = context;
  await room.cache('tools');
  room.own(source.folder);
  const vendor = join(source.folder, 'vendor');
  const composer: Composer = (args) => runComposer(context, args);
  const isCommitted = await source.has('vendor/autoload.php');
  if (!facts.isSelfContained || isCommitted) {
    if (!facts.hasLock) say('There is no composer.lock: each install may bring other versions; commit it');
    if (facts.vendorDir === 'vendor' && (await lstat(vendor).catch(() => null)) === null)
      await nameAutoloader(context, vendor);
    await composer(['install', ...forProduction, '--optimize-autoloader']);
    if (facts.vendorDir !== 'vendor') return [appLayer(source.folder)];
    await checkFolder(vendor);
    const packages = { folder: vendor, prefix: 'app/vendor', isDependencies: true };
    return [packages, appLayer(source.folder, (path) => path === 'vendor')];
  }
  const kept = room.disk.path('cache', 'packages', await keyOf(context, runtimeDigest));
  const isKept = (await readdir(kept).catch(() => [])).length > 0;
  if (isKept) say('Packages are unchanged: kept from an earlier build');
  else {
    await rm(vendor, { recursive: true, force: true });
    await rm(room.disk.path('cache', 'packages'), { recursive: true, force: true });
    await mkdir(room.disk.path('cache', 'packages'), { recursive: true });
    await composer(['install', ...forProduction, '--no-scripts', '--no-autoloader']);
    await checkFolder(vendor);
    await rename(vendor, kept);
  }
  await rm(vendor, { recursive: true, force: true });
  await cp(kept, vendor, { recursive: true, verbatimSymlinks: true });
  await nameAutoloader(context, vendor);
  await composer(['dump-autoload', '--no-dev', '--optimize', '--no-interaction']);
  return [
    { folder: kept, prefix: 'app/vendor', remember: `${kept}.layer.json`, isFromCache: isKept },
    appLayer(source.folder, isOfPackages),
  ];
}

/**
 * Composer gives its autoloader's classes a random name, unless an earlier autoloader has one to go on with
 * (AutoloadGenerator::dump): one made of the lock file makes equal sources equal.
 */
async function nameAutoloader({ source, room }: BuildContext, vendor: string): Promise<void> {
  const said = (await source.readText('composer.lock')) ?? (await source.readText('composer.json')) ?? '';
  const name = createHash('sha256').update(said).digest('hex').slice(0, 32);
  await mkdir(vendor, { recursive: true });
  await writeFile(join(vendor, 'autoload.php'), `<?php return ComposerAutoloaderInit${name}::getLoader();\n`);
  room.own(vendor);
}

const forProduction = ['--no-dev', '--prefer-dist', '--no-interaction', '--no-progress'] as const;

function appLayer(folder: string, exclude?: (path: string) => boolean): FolderLayer {
  return { folder, prefix: 'app', exclude };
}

/** In vendor, only the autoloader's files differ from what was kept. */
function isOfPackages(path: string): boolean {
  if (!path.startsWith('vendor/')) return false;
  return (
    path !== 'vendor/autoload.php' && path !== 'vendor/composer' && !/^vendor\/composer\/[^/]+$/.test(path)
  );
}

async function runComposer(context: BuildContext, args: readonly string[]): Promise<void> {
  const { room, source } = context;
  const label = ['composer', ...args.filter((arg) => !arg.startsWith('--'))].join(' ');
  await room.exec({
    label,
    args: ['composer', ...args],
    env: {
      COMPOSER_HOME: '/config',
      COMPOSER_CACHE_DIR: '/cache/composer/cache',
      COMPOSER_MIRROR_PATH_REPOS: '1',
      COMPOSER_ROOT_VERSION: '1.0.0',
      COMPOSER_NO_AUDIT: '1',
      APP_ENV: 'production',
    },
    mounts: [
      { source: source.folder, destination: '/app' },
      { source: room.disk.path('cache/tools'), destination: '/cache' },
      ...(await settingsOf(context)),
    ],
  });
}

/**
 * Composer's own settings: packages come from the data centre's service, where there is one. A lock file names
 * archives at their public addresses; the commands see one that names the service's before them.
 */
async function settingsOf({ room, source, runtimes }: BuildContext): Promise<Mount[]> {
  const folder = await room.disk.freshFolder('workspace/config');
  const config = { source: folder, destination: '/config', readonly: true };
  if (!runtimes.env['SKYARC_COMPOSER_URL']) return [config];
  const url = `http://${repoAddress.host}:${repoAddress.port}/composer`;
  const settings = {
    config: { 'secure-http': false },
    repositories: { 'packagist.org': { type: 'composer', url } },
  };
  await writeFile(join(folder, 'config.json'), JSON.stringify(settings));
  const lock = await source.readText('composer.lock');
  if (lock === null) return [config];
  const file = join(folder, 'composer.lock');
  await writeFile(file, JSON.stringify(withMirrors(JSON.parse(lock), url)));
  return [config, { source: file, destination: '/app/composer.lock', readonly: true }];
}

/** What a build wrote may be a link to anywhere; only a folder of its own is touched. */
async function checkFolder(folder: string): Promise<void> {
  const stats = await lstat(folder).catch(() => null);
  if (stats === null) await mkdir(folder);
  else if (!stats.isDirectory()) throw new AppError('INVALID', 'vendor is not a folder after installing');
}

async function keyOf({ source }: BuildContext, runtimeDigest: string): Promise<string> {
  const hash = createHash('sha256').update(`1 ${runtimeDigest}\0`);
  for (const file of ['composer.json', 'composer.lock']) hash.update(`${await source.readText(file)}\0`);
  return hash.digest('hex').slice(0, 32);
}
