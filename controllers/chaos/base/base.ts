import { appendFile, chmod, chown, glob, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@skyarc/lib/errors';
import type { Image } from '@skyarc/lib/oci';
import { run } from '@skyarc/lib/process';
import { aptSourcesOf } from './apt-sources.ts';
import { sharedImageOf, type SharedImages } from './shared-images.ts';
import type { LayerStore, SharedLayer } from './store.ts';

const release = 'bookworm';
const baseName = `base-${release}`;
export const baseRepository = 'skyarc/base';
/** What a Dockerfile may begin with. */
export const baseImageName = `${baseRepository}:${release}`;
/** Unprivileged user of apps, in every image that a buildpack makes. */
export const appUser = { name: 'app', uid: 1000, gid: 1000 } as const;

const packages = ['ca-certificates', 'libatomic1', 'libstdc++6', 'tini', 'tzdata'];
const withoutDocs = [
  ...['doc', 'man', 'info', 'lintian', 'locale', 'groff'].map((name) => `path-exclude=/usr/share/${name}/*`),
  'path-include=/usr/share/doc/*/copyright',
  'path-include=/usr/share/locale/locale.alias',
];

export interface BaseSources {
  readonly onLine?: (line: string) => void;
  /** Where another builder may have put one. */
  readonly images?: SharedImages;
}

/**
 * The base of all images: the newest that is there, else what another builder made, else one that is made now of this
 * machine's own package sources (half a minute). Throws UNAVAILABLE with what apt said. `onLine` gets its progress.
 */
export async function ensureBaseLayer(
  store: LayerStore,
  { onLine, images }: BaseSources = {},
): Promise<SharedLayer> {
  const [newest] = await store.list(baseName);
  return (newest && (await store.find(newest.name))) ?? makeBase(store, baseName, { onLine, images });
}

/**
 * Makes a base of today's packages when the newest one is older than that, or takes over what another builder made.
 * New builds stand on it from then on, and what was built before can be put over it without a build.
 */
export async function renewBase(store: LayerStore, maxAgeMs: number, images: SharedImages): Promise<void> {
  const [newest, ...older] = await store.list(baseName);
  if (!newest || Date.now() - newest.madeAt.getTime() < maxAgeMs) return;
  // Builders that share the folder mean the same one.
  const number = Number(/-(\d+)$/.exec(newest.name)?.[1] ?? 1) + 1;
  const known = (await store.find(newest.name))?.layer.digest;
  await makeBase(store, `${baseName}-${number}`, { images, known });
  // Builds under way may stand on the one before, but on none that is older.
  for (const { name } of older) await store.remove(name);
}

function makeBase(
  store: LayerStore,
  name: string,
  { onLine, images, known }: BaseSources & { readonly known?: string },
): Promise<SharedLayer> {
  return store.ensure(name, async (root, scratch) => {
    if (await images?.pull(basePlace, { root, scratch, known })) return;
    const sources = await aptSourcesOf(release);
    const { code, stderr } = await run(
      'mmdebstrap',
      [
        '--mode=root',
        '--variant=minbase',
        '--format=directory',
        `--include=${packages.join(',')}`,
        ...withoutDocs.map((option) => `--dpkgopt=${option}`),
        '--aptopt=Apt::Install-Recommends "false"',
        release,
        root,
        ...sources,
      ],
      { env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C.UTF-8' }, onLine: (line) => onLine?.(line) },
    );
    if (code !== 0) {
      const reason =
        stderr
          .split('\n')
          .filter((line) => line.startsWith('E:'))
          .at(-1) ?? stderr.slice(-300);
      throw new AppError('UNAVAILABLE', `Cannot make the base image from Debian packages: ${reason.trim()}`);
    }
    await addAppUser(root);
    await trim(root);
  });
}

const basePlace = { repository: baseRepository, tag: release } as const;
const baseConfig = {
  env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'LANG=C.UTF-8', 'TZ=Etc/UTC'],
} as const;

/** The base alone as an image. */
export function baseImageOf(base: SharedLayer): Image {
  return sharedImageOf(base, basePlace, baseConfig);
}

/** Puts the base into the registry under its name. */
export async function pushBase(images: SharedImages, base: SharedLayer): Promise<void> {
  await images.push(base, basePlace, baseConfig);
}

async function addAppUser(root: string): Promise<void> {
  const { name, uid, gid } = appUser;
  const file = (path: string) => join(root, 'etc', path);
  await appendFile(file('passwd'), `${name}:x:${uid}:${gid}::/home/${name}:/bin/sh\n`);
  await appendFile(file('group'), `${name}:x:${gid}:\n`);
  await appendFile(file('shadow'), `${name}:!:19000::::::\n`);
  for (const folder of [`home/${name}`, 'app']) {
    await mkdir(join(root, folder), { mode: 0o755 });
    await chown(join(root, folder), uid, gid);
  }
}

/** What differs from making to making, or belongs to the machine that made it. */
async function trim(root: string): Promise<void> {
  const gone = [
    'var/log/*',
    'var/cache/apt/*',
    'var/cache/debconf/*-old',
    'var/cache/ldconfig',
    'var/lib/apt/lists/*',
  ];
  await removeAll(root, gone);
  for (const name of ['resolv.conf', 'hostname', 'hosts']) await writeFile(join(root, 'etc', name), '');
  const sources = join(root, 'etc/apt/sources.list');
  await writeFile(
    sources,
    (await readFile(sources, 'utf8').catch(() => '')).replace(/\[signed-by=[^\]]*\] /g, ''),
  );
  await chmod(join(root, 'tmp'), 0o1777);
}

/** Removes what relative patterns name (globs). */
export async function removeAll(root: string, patterns: readonly string[]): Promise<void> {
  for await (const path of glob([...patterns], { cwd: root })) {
    await rm(join(root, path), { recursive: true, force: true });
  }
}
