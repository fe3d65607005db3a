import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@skyarc/lib/errors';
import { digestOf } from '@skyarc/lib/oci';
import { baseImageName, baseImageOf } from '../../base/base.ts';
import { imageBuilder } from '../../base/runtimes/image-builder.ts';
import type { SharedLayer } from '../../base/store.ts';
import type { SourceTree } from '../../sources/tree.ts';
import type { BuildContext, BuildOutput, Launch } from '../buildpack.ts';

export const name = 'dockerfile';

export interface DockerfilePlan {
  readonly ports: readonly number[];
}

export async function detect(source: SourceTree): Promise<string | null> {
  return (await source.has('Dockerfile')) ? 'Dockerfile' : null;
}

export async function plan(source: SourceTree): Promise<DockerfilePlan> {
  const text = (await source.readText('Dockerfile')) ?? '';
  if (!/^\s*FROM\s+\S/im.test(text)) throw new AppError('INVALID', 'The Dockerfile has no FROM');
  const exposed = [...text.matchAll(/^\s*EXPOSE\s+(.+)$/gim)].flatMap((match) =>
    (match[1] as string).split(/\s+/),
  );
  const ports = exposed
    .map((word) => /^(\d+)(?:\/tcp)?$/.exec(word)?.[1])
    .filter((port) => port !== undefined);
  return { ports: [...new Set(ports.map(Number))].filter((port) => port > 0 && port < 65_536) };
}

/**
 * buildah in a container of its own user namespace: its root is nobody on this machine. The image comes out
 * as files, so the registry is never within reach of a RUN.
 */
export async function build({ room, runtimes, base, source }: BuildContext): Promise<BuildOutput> {
  const tool = await imageBuilder(runtimes);
  await room.enter([tool.root, base.root]);
  const files = await room.disk.freshFolder('workspace/buildah');
  const [config, output] = [join(files, 'config'), join(files, 'output')];
  for (const folder of [config, output]) await mkdir(folder);
  await writeConfig(config);
  const storage = await room.disk.folder('cache/containers');
  for (const folder of [source.folder, output, storage]) await room.own(folder, true);
  const mounts = [
    { source: source.folder, destination: '/app' },
    { source: storage, destination: '/storage' },
    { source: config, destination: '/config', readonly: true },
    { source: output, destination: '/output' },
  ];
  const env = {
    HOME: '/tmp',
    TMPDIR: '/tmp',
    CONTAINERS_REGISTRIES_CONF: '/config/registries.conf',
    CONTAINERS_STORAGE_CONF: '/config/storage.conf',
    BUILDAH_ISOLATION: 'chroot',
  };
  const buildah = (label: string, args: readonly string[]) =>
    room.exec({ label, args: ['buildah', ...args], env, mounts, nested: true });
  const id = digestOf(baseImageOf(base).config).replace('sha256:', '');
  const mark = room.disk.path('cache', `base-${id.slice(0, 32)}`);
  if (await room.disk.isMissing(mark)) {
    await offerBase(base, join(config, 'base'));
    await buildah(`prepare ${baseImageName}`, ['pull', '--quiet', 'oci:/config/base:latest']);
    await buildah(`name it ${baseImageName}`, ['tag', id, `localhost/${baseImageName}`]);
    await writeFile(mark, '');
  }
  await buildah('buildah build', [
    'build',
    '--layers',
    '--pull=missing',
    '--timestamp=0',
    '--format=oci',
    '--tag=localhost/app',
    '--file=/app/Dockerfile',
    '--',
    '/app',
  ]);
  await buildah('buildah push', ['push', '--quiet', '--disable-compression', 'localhost/app', 'dir:/output']);
  return { kind: 'image', folder: output };
}

export function launch({ ports }: DockerfilePlan): Launch {
  return { processes: {}, command: null, ports, env: {} };
}

async function writeConfig(folder: string): Promise<void> {
  const registries = ['unqualified-search-registries = ["docker.io"]', 'short-name-mode = "permissive"', ''];
  await writeFile(join(folder, 'registries.conf'), registries.join('\n'));
  const store = ['[storage]', 'driver = "overlay"', 'graphroot = "/storage"', 'runroot = "/run/store"', ''];
  await writeFile(join(folder, 'storage.conf'), store.join('\n'));
}

/** An image layout (OCI image-spec, image-layout.md) of the base, which no registry needs to serve. */
async function offerBase(base: SharedLayer, folder: string): Promise<void> {
  const image = baseImageOf(base);
  const blobs = join(folder, 'blobs/sha256');
  await mkdir(blobs, { recursive: true });
  const place = (digest: string) => join(blobs, digest.replace('sha256:', ''));
  const { mediaType } = JSON.parse(image.manifest.toString()) as { mediaType: string };
  await cp(base.file, place(base.layer.digest));
  await writeFile(place(digestOf(image.config)), image.config);
  await writeFile(place(image.digest), image.manifest);
  const annotations = { 'org.opencontainers.image.ref.name': 'latest' };
  const manifests = [{ mediaType, digest: image.digest, size: image.manifest.length, annotations }];
  await writeFile(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
  await writeFile(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
}
