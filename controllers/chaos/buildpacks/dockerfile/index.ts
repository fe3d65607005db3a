import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError } from '@skyarc/lib/errors';
import { digestOf } from '@skyarc/lib/oci';
import { baseImageName, baseImageOf } from '../../base/base.ts';
import { imageBuilder } from '../../base/runtimes/image-builder.ts';
import type { SharedLayer } from '../../base/store.ts';
import type { BuildRoom, Command } from '../../sandbox/room.ts';
import type { Mount } from '../../sandbox/spec.ts';
import type { SourceTree } from '../../sources/tree.ts';
import { clientsOfRepo } from '../../upstreams.ts';
import type { BuildContext, BuildOutput, Launch } from '../buildpack.ts';
import type { Project } from '../settings.ts';
import { type FinalStage, readDockerfile, type SecretMount, withArgs } from './parse.ts';

export const name = 'dockerfile';

export interface DockerfilePlan {
  readonly project: Project;
  /** Path of the Dockerfile in the source. */
  readonly file: string;
  /** Secrets that it asks for and that there are, with their values. */
  readonly secrets: readonly (SecretMount & { readonly value: string })[];
  readonly final: FinalStage;
  /** Images that it is made from. */
  readonly images: readonly string[];
  readonly warnings: readonly string[];
}

const usualFile = 'Dockerfile';

export async function detect(source: SourceTree, project: Project): Promise<string | null> {
  if (project.dockerfile !== null) return project.dockerfile;
  return (await source.has(usualFile)) ? usualFile : null;
}

export async function plan(source: SourceTree, project: Project): Promise<DockerfilePlan> {
  const file = project.dockerfile ?? usualFile;
  const text = await source.readText(file);
  if (text === null) throw new AppError('INVALID', `There is no Dockerfile at "${file}"`);
  const { stages, images, final, args, secrets } = readDockerfile(text, project.target, project.buildArgs);
  if (stages.length === 0) throw new AppError('INVALID', `The ${file} has no FROM`);
  if (final === null) {
    throw new AppError(
      'INVALID',
      `The ${file} has no stage "${project.target}"; there are ${stages.slice(0, 30).join(', ')}`,
    );
  }
  const given = secrets.flatMap(({ id, target }) => {
    const value = project.buildSecrets[id];
    if (value !== undefined && !/^\/[^:,\s]+$/.test(target))
      throw new AppError(
        'INVALID',
        `The ${file} mounts secret ${id} at "${target}", which is no absolute path`,
      );
    return value === undefined ? [] : [{ id, target, value }];
  });
  return {
    project,
    file,
    secrets: given,
    final,
    images,
    warnings: [
      ...Object.keys(project.buildArgs)
        .filter((arg) => !args.has(arg))
        .map((arg) => `The ${file} has no ARG ${arg}: the build argument of that name has no effect`),
      ...secrets
        .filter(({ id }) => project.buildSecrets[id] === undefined)
        .map(
          ({ id }) =>
            `The ${file} mounts secret ${id}; the app has no secret environment variable of that name`,
        ),
      ...(final.user === null || /^(?:root|0)(?::|$)/.test(final.user)
        ? [
            `The ${file} sets no USER: an image that runs as root is refused when it starts, e.g. add USER 1000`,
          ]
        : []),
      ...(project.run.processes['web']
        ? [`The command of an image is its own: "${project.run.processes['web']}" is not used`]
        : []),
    ],
  };
}

/**
 * buildah in a container of its own user namespace: its root is nobody on this machine. The image comes out
 * as files, so the registry is never within reach of a RUN.
 */
export async function build(
  { room, runtimes, base, source }: BuildContext,
  { project, file, secrets, images }: DockerfilePlan,
): Promise<BuildOutput> {
  const tool = await imageBuilder(runtimes);
  room.enter([tool.root, base.root]);
  const files = await room.disk.freshFolder('workspace/buildah');
  const [config, output] = [join(files, 'config'), join(files, 'output')];
  for (const folder of [config, output]) await mkdir(folder);
  await writeConfig(config);
  // Where nothing else is reached, commands are told of the data centre's packages.
  const clients = room.isClosed ? clientsOfRepo() : null;
  const shown = clients && withArgs((await source.readText(file)) ?? '', Object.keys(clients.settings));
  if (shown !== null) await writeFile(join(config, 'Dockerfile'), shown);
  const storage = await room.cache('containers', true);
  for (const folder of [source.folder, output]) room.own(folder, true);
  const mounts = [
    { source: source.folder, destination: '/app' },
    { source: storage, destination: '/storage' },
    { source: config, destination: '/config', readonly: true },
    { source: output, destination: '/output' },
    ...(await secretMounts(room, config, secrets)),
  ];
  const env = {
    HOME: '/tmp',
    TMPDIR: '/tmp',
    CONTAINERS_REGISTRIES_CONF: '/config/registries.conf',
    CONTAINERS_STORAGE_CONF: '/config/storage.conf',
    BUILDAH_ISOLATION: 'chroot',
  };
  const buildah = (label: string, args: readonly string[], more: Partial<Command> = {}) =>
    room.exec({ label, args: ['buildah', ...args], env, mounts, nested: true, ...more });
  const id = digestOf(baseImageOf(base).config).replace('sha256:', '');
  const mark = room.disk.path('cache', `base-${id.slice(0, 32)}`);
  if (await room.disk.isMissing(mark)) {
    await offerBase(base, join(config, 'base'));
    await buildah(`prepare ${baseImageName}`, ['pull', '--quiet', 'oci:/config/base:latest']);
    await buildah(`name it ${baseImageName}`, ['tag', id, `localhost/${baseImageName}`]);
    await writeFile(mark, '');
  }
  // What these come from is reached while nothing of the source's runs.
  for (const image of room.isClosed ? images.filter(isPlainImage) : []) {
    const isThere = room.disk.path('cache', `image-${digestOf(Buffer.from(image)).slice(-32)}`);
    if (!(await room.disk.isMissing(isThere))) continue;
    await buildah(`buildah pull ${image}`, ['pull', '--quiet', '--policy=missing', '--', image], {
      isTrusted: true,
    });
    await writeFile(isThere, '');
  }
  const build = [
    'build',
    '--layers',
    '--pull=missing',
    '--timestamp=0',
    '--format=oci',
    '--tag=localhost/app',
    shown === null ? `--file=/app/${file}` : '--file=/config/Dockerfile',
    // One for this Dockerfile alone goes before that of the whole source.
    ...((await source.has(`${file}.dockerignore`)) ? [`--ignorefile=/app/${file}.dockerignore`] : []),
    ...(project.target ? [`--target=${project.target}`] : []),
    ...optionsOf('--build-arg', { ...clients?.settings, ...project.buildArgs }),
    ...optionsOf('--env', project.run.env),
    // As volumes with the very flags of what they are made from: a nested root may not change those, as --secret would.
    ...secrets.map(({ id, target }) => `--volume=/config/secrets/${id}:${target}:ro,nosuid,nodev`),
    '--',
    '/app',
  ];
  // Of its own environment, buildah hands proxies on to commands.
  await buildah('buildah build', build, { env: { ...env, ...clients?.proxy } });
  await buildah('buildah push', ['push', '--quiet', '--disable-compression', 'localhost/app', 'dir:/output']);
  return { kind: 'image', folder: output };
}

export function launch({ final, warnings }: DockerfilePlan): Launch {
  return {
    processes: {},
    command: null,
    ports: final.ports,
    env: final.env,
    language: 'Dockerfile',
    version: null,
    volumes: final.volumes,
    warnings,
  };
}

function optionsOf(option: string, words: Readonly<Record<string, string>>): string[] {
  return Object.entries(words).map(([key, value]) => `${option}=${key}=${value}`);
}

/** Secrets are files that only the build's root reads, beside the build's disk instead of on it, and gone with its mounts. */
async function secretMounts(
  room: BuildRoom,
  config: string,
  secrets: DockerfilePlan['secrets'],
): Promise<readonly Mount[]> {
  if (secrets.length === 0) return [];
  const folder = join(dirname(room.disk.mountPoint), 'secrets');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { mode: 0o700 });
  for (const { id, value } of secrets) await writeFile(join(folder, id), value, { mode: 0o400 });
  room.own(folder, true);
  await mkdir(join(config, 'secrets'));
  return [{ source: folder, destination: '/config/secrets', readonly: true }];
}

/** The base is there already; what is no name of an image is left to the build to complain of. */
function isPlainImage(image: string): boolean {
  return image !== baseImageName && /^[a-z0-9][\w./:@-]*$/i.test(image) && !/^[a-z-]+:\//.test(image);
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
