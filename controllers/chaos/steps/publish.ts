import { lstat, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuiltLayer } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import {
  assembleImage,
  digestOf,
  type Image,
  imageOf,
  type Layer,
  type LayerSource,
  pushImage,
  writeLayer,
} from '@skyarc/lib/oci';
import { filesOfFolder, filesOfTar, findPackages, type FoundPackage } from '@skyarc/lib/sbom';
import { z } from 'zod';
import { appUser, baseRepository } from '../base/base.ts';
import { runtimeRepository } from '../base/runtimes.ts';
import type { BuildOutput, FolderLayer, Launch } from '../buildpacks/buildpack.ts';
import type { SharedLayer } from '../base/store.ts';
import type { BuildRoom } from '../sandbox/room.ts';
import { attestImage } from './attest.ts';
import { type BuildRun, repositoryOf } from './run.ts';

export interface Published {
  /** `team/app@sha256:...` */
  readonly image: string;
  readonly sizeBytes: number;
  readonly ports: readonly number[];
  readonly processes: Readonly<Record<string, string>>;
  readonly layers: readonly BuiltLayer[];
  /** To the registry. */
  readonly sentBytes: number;
}

export interface ToPublish {
  readonly output: BuildOutput;
  readonly launch: Launch;
  /** Time of the source, for the app's own files. */
  readonly timeSec: number;
}

/** Packs what was built and puts it into the registry under the build's number. */
export async function publish(run: BuildRun, room: BuildRoom, what: ToPublish): Promise<Published> {
  const folder = await room.disk.freshFolder('layers');
  const repository = repositoryOf(run.app);
  const hasLayer = askOnce((digest) => run.registry.hasBlob(repository, digest));
  const { image, sources, packages, ports, processes, parts } =
    what.output.kind === 'layers'
      ? await packLayers(run, room, what, { output: what.output, folder, hasLayer })
      : await packImage(run, what.output.folder, folder);
  const sent = new Set<string>();
  const target = {
    repository,
    tag: String(run.build.number),
    onSent: (digest: string) => void sent.add(digest),
    hasLayer,
  };
  // What is said of an image names it by its digest, which stands before the image does.
  const [sentBytes] = await Promise.all([
    pushImage(run.registry, target, image, sources),
    attestImage(run, image, { sources, packages }),
  ]);
  const layers = sources.map(({ layer: { digest, size }, mountFrom }, index) => {
    const { kind, name, isFromCache } = parts[index] as LayerPart;
    const wasThere = mountFrom === undefined && !sent.has(digest);
    return { kind, name, digest, sizeBytes: size, isFromCache: isFromCache || wasThere };
  });
  await rm(folder, { recursive: true, force: true });
  run.log.write(
    `Image ${repository}@${image.digest}, ${megabytes(image.sizeBytes)}, sent ${megabytes(sentBytes)}`,
  );
  return {
    image: `${repository}@${image.digest}`,
    sizeBytes: image.sizeBytes,
    ports: [...new Set([...ports, ...what.launch.ports])],
    processes: { ...processes, ...what.launch.processes },
    layers,
    sentBytes,
  };
}

type HasLayer = (digest: string) => Promise<boolean>;

/** What is known early is asked early, while others are still packed. */
function askOnce(ask: HasLayer): HasLayer {
  const asked = new Map<string, Promise<boolean>>();
  return (digest) => {
    const known = asked.get(digest) ?? ask(digest);
    asked.set(digest, known);
    known.catch(() => asked.delete(digest));
    return known;
  };
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

type LayerPart = Pick<BuiltLayer, 'kind' | 'name' | 'isFromCache'>;

interface Packed {
  readonly image: Image;
  readonly sources: readonly LayerSource[];
  /** Of each layer. */
  readonly parts: readonly LayerPart[];
  /** Of each layer. */
  readonly packages: readonly (readonly FoundPackage[])[];
  readonly ports: readonly number[];
  readonly processes: Readonly<Record<string, string>>;
}

async function packLayers(
  run: BuildRun,
  room: BuildRoom,
  { launch, timeSec }: ToPublish,
  {
    output,
    folder,
    hasLayer,
  }: {
    readonly output: Extract<BuildOutput, { kind: 'layers' }>;
    readonly folder: string;
    readonly hasLayer: HasLayer;
  },
): Promise<Packed> {
  const { base } = run.shared;
  void hasLayer(base.layer.digest);
  const sources: LayerSource[] = [{ ...base, mountFrom: baseRepository }];
  const packages = [await packagesOfShared(run, base)];
  const parts: LayerPart[] = [{ kind: 'BASE', name: base.name, isFromCache: true }];
  if (output.runtime) {
    const { name } = output.runtime;
    void hasLayer(output.runtime.layer.digest);
    const isNew = run.shared.runtimes.isMadeSince(output.runtime, run.startedAt);
    sources.push({ ...output.runtime, mountFrom: runtimeRepository });
    packages.push(await packagesOfShared(run, output.runtime));
    parts.push({ kind: 'RUNTIME', name, isFromCache: !isNew });
  }
  const packed = await Promise.all(
    output.layers.map(async (part, index) => {
      const file = join(folder, `${index}.tar.gz`);
      const find = () => findPackages(filesOfFolder(part.folder, part));
      const known = await knownLayer(part, hasLayer);
      if (known) {
        const found = await run.shared.inventory.packagesOf(known, find);
        return { source: { layer: known, file }, found, part: partOf(part, false) };
      }
      const [layer, found] = await Promise.all([
        packFolder(run, part, { file, timeSec, signal: room.signal }),
        find(),
      ]);
      void run.shared.inventory.packagesOf(layer, () => Promise.resolve(found));
      return { source: { layer, file }, found, part: partOf(part, true) };
    }),
  );
  sources.push(...packed.map(({ source }) => source));
  packages.push(...packed.map(({ found }) => found));
  parts.push(...packed.map(({ part }) => part));
  const image = assembleImage(
    sources.map(({ layer }) => layer),
    {
      user: `${appUser.uid}:${appUser.gid}`,
      workingDir: '/app',
      env: Object.entries({
        LANG: 'C.UTF-8',
        TZ: 'Etc/UTC',
        HOME: `/home/${appUser.name}`,
        ...launch.env,
      }).map(([name, value]) => `${name}=${value}`),
      entrypoint: ['/usr/bin/tini', '--'],
      cmd: launch.command ?? [],
      exposedPorts: launch.ports,
    },
  );
  return { image, sources, parts, packages, ports: [], processes: {} };
}

function partOf(
  { prefix, remember, isDependencies, isFromCache }: FolderLayer,
  isPacked: boolean,
): LayerPart {
  return {
    kind: remember !== undefined || isDependencies === true ? 'DEPENDENCIES' : 'APP',
    name: prefix,
    isFromCache: isFromCache ?? !isPacked,
  };
}

/** What is found in it, and itself by its name when that is of a program and its version: `nodejs-24.21.0`. */
export function packagesOfShared(run: BuildRun, shared: SharedLayer): Promise<readonly FoundPackage[]> {
  return run.shared.inventory.packagesOf(shared.layer, async () => {
    const found = await findPackages(filesOfFolder(shared.root));
    const [, name, version] = /^([a-z]+)-(\d+(?:\.\d+)+)$/.exec(shared.name) ?? [];
    return name && version ? [...found, { ecosystem: 'generic', name, version }] : found;
  });
}

/** A remembered layer that the registry has is not packed again. */
async function knownLayer({ remember }: FolderLayer, hasLayer: HasLayer): Promise<Layer | null> {
  if (remember === undefined) return null;
  const known = JSON.parse(await readFile(remember, 'utf8').catch(() => 'null')) as Layer | null;
  return known && (await hasLayer(known.digest)) ? known : null;
}

async function packFolder(
  run: BuildRun,
  part: FolderLayer,
  { file, timeSec, signal }: { file: string; timeSec: number; signal: AbortSignal },
): Promise<Layer> {
  const { remember } = part;
  const layer = await writeLayer({
    from: { folder: part.folder },
    to: file,
    prefix: part.prefix,
    exclude: part.exclude,
    owner: appUser,
    mtimeSec: remember || part.isDependencies ? undefined : timeSec,
    limitBytes: run.app.buildDiskMb * 2 ** 20,
    signal,
  });
  if (remember) await writeFile(remember, JSON.stringify(layer));
  return layer;
}

const manifestShape = z.object({
  config: z.object({ digest: z.string() }),
  layers: z.array(z.object({ digest: z.string().regex(/^sha256:[0-9a-f]{64}$/) })),
});
const configShape = z.looseObject({
  config: z
    .looseObject({
      Cmd: z.array(z.string()).nullish(),
      Entrypoint: z.array(z.string()).nullish(),
      ExposedPorts: z.record(z.string(), z.unknown()).nullish(),
    })
    .nullish(),
});

/** An image as `dir:` files with layers not compressed; the base's layer is known already. */
async function packImage(run: BuildRun, from: string, folder: string): Promise<Packed> {
  const { base } = run.shared;
  const manifest = manifestShape.parse(
    JSON.parse(await readFile(await regularFile(join(from, 'manifest.json')), 'utf8')),
  );
  const place = (digest: string) => regularFile(join(from, digest.replace('sha256:', '')));
  const config = await readFile(await place(manifest.config.digest));
  checkDigest(manifest.config.digest, digestOf(config));
  const { Cmd, Entrypoint, ExposedPorts } = configShape.parse(JSON.parse(config.toString())).config ?? {};
  const command = [...(Entrypoint ?? []), ...(Cmd ?? [])];
  if (command.length === 0) {
    throw new AppError(
      'INVALID',
      'The image has no command: add CMD or ENTRYPOINT to the Dockerfile, so that it can start',
    );
  }
  const sources: LayerSource[] = [];
  const parts: LayerPart[] = [];
  const packages: (readonly FoundPackage[])[] = [];
  for (const [index, { digest }] of manifest.layers.entries()) {
    if (digest === base.layer.diffId) {
      sources.push({ ...base, mountFrom: baseRepository });
      parts.push({ kind: 'BASE', name: base.name, isFromCache: true });
      packages.push(await packagesOfShared(run, base));
    } else {
      parts.push({ kind: 'IMAGE', name: `layer ${index + 1}`, isFromCache: false });
      const file = join(folder, `${index}.tar.gz`);
      const layer = await writeLayer({ from: { tar: await place(digest) }, to: file, signal: run.signal });
      checkDigest(digest, layer.diffId);
      sources.push({ layer, file });
      const tar = await place(digest);
      packages.push(await run.shared.inventory.packagesOf(layer, () => findPackages(filesOfTar(tar))));
    }
  }
  const ports = Object.keys(ExposedPorts ?? {}).flatMap((port) => /^(\d+)(?:\/tcp)?$/.exec(port)?.[1] ?? []);
  return {
    image: imageOf(
      config,
      sources.map(({ layer }) => layer),
    ),
    sources,
    parts,
    packages,
    ports: ports.map(Number),
    processes: { web: command.join(' ') },
  };
}

/** A build wrote these files: a link among them must not lead us out of their folder. */
async function regularFile(path: string): Promise<string> {
  if ((await lstat(path)).isFile()) return path;
  throw new AppError('INVALID', 'The build left an image that is not whole');
}

function checkDigest(expected: string, actual: string): void {
  if (expected !== actual) throw new AppError('INVALID', 'The build left an image whose parts do not fit');
}
