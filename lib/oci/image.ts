import { type Descriptor, digestOf, type Layer, mediaTypes } from './layer.ts';

/** How containers of an image run, in the words of OCI image-spec 1.1, config.md. */
export interface ImageConfig {
  readonly user?: string;
  readonly workingDir?: string;
  readonly env?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  readonly exposedPorts?: readonly number[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly stopSignal?: string;
}

export interface Image {
  /** Digest of the manifest: what a node pulls. */
  readonly digest: string;
  readonly manifest: Buffer;
  readonly config: Buffer;
  readonly layers: readonly Layer[];
  /** Compressed bytes of all its parts. */
  readonly sizeBytes: number;
}

const epoch = '1970-01-01T00:00:00Z';

/** Config and manifest over layers, the lowest first; equal input gives an equal digest. */
export function assembleImage(layers: readonly Layer[], run: ImageConfig): Image {
  const config = Buffer.from(
    JSON.stringify({
      created: epoch,
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      config: {
        User: run.user,
        ExposedPorts: run.exposedPorts?.length
          ? Object.fromEntries(run.exposedPorts.map((port) => [`${port}/tcp`, {}]))
          : undefined,
        Env: run.env,
        Entrypoint: run.entrypoint,
        Cmd: run.cmd,
        WorkingDir: run.workingDir,
        Labels: run.labels,
        StopSignal: run.stopSignal,
      },
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
      // One entry a layer: buildah counts them when it builds over an image.
      history: layers.map(() => ({ created: epoch, created_by: 'skyarc' })),
    }),
  );
  return imageOf(config, layers);
}

/** The image of a config that somebody else wrote; `layers` are those that its diff_ids name. */
export function imageOf(config: Buffer, layers: readonly Layer[]): Image {
  const descriptors: Descriptor[] = layers.map(({ mediaType, digest, size }) => ({
    mediaType,
    digest,
    size,
  }));
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config: { mediaType: mediaTypes.config, digest: digestOf(config), size: config.length },
      layers: descriptors,
    }),
  );
  const sizeBytes = descriptors.reduce((sum, { size }) => sum + size, config.length + manifest.length);
  return { digest: digestOf(manifest), manifest, config, layers, sizeBytes };
}
