import { AppError } from '@skyarc/lib/errors';
import type { Image } from './image.ts';
import { digestOf, type Layer } from './layer.ts';
import type { RegistryClient } from './registry.ts';

export interface LayerSource {
  readonly layer: Layer;
  /** The compressed layer on disk. */
  readonly file: string;
  /** A repository that has it probably. */
  readonly mountFrom?: string;
}

export interface PushTarget {
  readonly repository: string;
  readonly tag?: string;
  /** Told of each layer that had to be sent. */
  readonly onSent?: (digest: string) => void;
  /** What the registry was asked before, of layers; it is asked now when absent. */
  readonly hasLayer?: (digest: string) => Promise<boolean>;
}

/**
 * Puts an image into a repository; what is there already is not sent again. A part that the registry's garbage
 * collection took meanwhile is sent once more. Answers how many bytes were sent.
 */
export async function pushImage(
  registry: RegistryClient,
  target: PushTarget,
  image: Image,
  sources: readonly LayerSource[],
): Promise<number> {
  let sentBytes = 0;
  for (let attempt = 1; ; attempt += 1) {
    // What was answered before is what did not hold.
    const hasLayer = attempt === 1 ? target.hasLayer : undefined;
    sentBytes += await pushParts(registry, { ...target, hasLayer }, image, sources);
    try {
      await registry.putManifest(target.repository, image.manifest, target.tag);
      return sentBytes;
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'CONFLICT') || attempt >= 3) throw error;
    }
  }
}

async function pushParts(
  registry: RegistryClient,
  target: PushTarget,
  image: Image,
  sources: readonly LayerSource[],
): Promise<number> {
  const sent = await Promise.all([
    pushConfig(registry, target.repository, image.config),
    ...sources.map((source) => pushLayer(registry, target, source)),
  ]);
  return sent.reduce((sum, bytes) => sum + bytes, 0);
}

async function pushConfig(registry: RegistryClient, repository: string, config: Buffer): Promise<number> {
  const digest = digestOf(config);
  if (await registry.hasBlob(repository, digest)) return 0;
  await registry.putBlob(repository, digest, config);
  return config.length;
}

/** Answers how many bytes were sent. */
async function pushLayer(
  registry: RegistryClient,
  { repository, onSent, hasLayer = (digest) => registry.hasBlob(repository, digest) }: PushTarget,
  { layer, file, mountFrom }: LayerSource,
): Promise<number> {
  if (await hasLayer(layer.digest)) return 0;
  if (mountFrom && (await registry.mountBlob(repository, layer.digest, mountFrom))) return 0;
  await registry.putBlob(repository, layer.digest, { file });
  onSent?.(layer.digest);
  return layer.size;
}
