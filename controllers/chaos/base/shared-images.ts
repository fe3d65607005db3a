import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AppError, messageOf } from '@skyarc/lib/errors';
import { createLogger } from '@skyarc/lib/log';
import {
  assembleImage,
  digestOf,
  type Image,
  type ImageConfig,
  type ImageKeys,
  pushImage,
  type RegistryClient,
  signImage,
  verifyImage,
} from '@skyarc/lib/oci';
import { run } from '@skyarc/lib/process';
import { z } from 'zod';
import type { SharedLayer } from './store.ts';

const log = createLogger('chaos');
const titleLabel = 'org.opencontainers.image.title';
const manifestShape = z.object({
  config: z.object({ digest: z.string() }),
  layers: z.array(z.object({ digest: z.string() })).length(1),
});
const configShape = z.object({ config: z.object({ Labels: z.record(z.string(), z.string()) }) });

export interface ImagePlace {
  readonly repository: string;
  readonly tag: string;
}

/** The layer alone as an image that says what it is, so that a tag cannot make it another one. */
export function sharedImageOf(
  { layer }: SharedLayer,
  { repository, tag }: ImagePlace,
  config: ImageConfig,
): Image {
  return assembleImage([layer], { ...config, labels: { [titleLabel]: `${repository}:${tag}` } });
}

/**
 * Base and runtimes in the registry, each an image of its own and signed: apps share their blobs, no garbage collection
 * takes them, and another builder need not make them again, nor make them differently.
 */
export class SharedImages {
  private readonly registry: RegistryClient;
  private readonly keys: ImageKeys;

  constructor(registry: RegistryClient, keys: ImageKeys) {
    this.registry = registry;
    this.keys = keys;
  }

  async push(shared: SharedLayer, at: ImagePlace, config: ImageConfig = {}): Promise<void> {
    const image = sharedImageOf(shared, at, config);
    await pushImage(this.registry, at, image, [shared]);
    await signImage(this.registry, { repository: at.repository, digest: image.digest }, this.keys);
  }

  /**
   * Unpacks what another builder made into `root`; false when there is none, it is the known one, or not signed by us:
   * then it is made here.
   */
  async pull(
    { repository, tag }: ImagePlace,
    { root, scratch, known }: { readonly root: string; readonly scratch: string; readonly known?: string },
  ): Promise<boolean> {
    try {
      const manifest = await this.registry.findManifest(repository, tag);
      if (!manifest) return false;
      const { config, layers } = manifestShape.parse(JSON.parse(manifest.toString()));
      const digest = layers[0]?.digest ?? '';
      if (digest === known) return false;
      await verifyImage(this.registry, { repository, digest: digestOf(manifest) }, this.keys.publicKey);
      const said = await this.registry.findBlob(repository, config.digest);
      const { Labels } = configShape.parse(JSON.parse(said?.toString() ?? '')).config;
      const title = Labels[titleLabel];
      if (title !== `${repository}:${tag}`) throw new AppError('INVALID', `it is ${title}`);
      await this.unpack(repository, digest, { root, file: join(scratch, 'layer.tar.gz') });
      return true;
    } catch (error) {
      log.warn(
        { image: `${repository}:${tag}`, reason: messageOf(error) },
        'made here instead of taken over',
      );
      await run('find', [root, '-mindepth', '1', '-delete']);
      return false;
    }
  }

  private async unpack(
    repository: string,
    digest: string,
    { root, file }: { readonly root: string; readonly file: string },
  ): Promise<void> {
    const hash = createHash('sha256');
    const watch = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        hash.update(chunk);
        done(null, chunk);
      },
    });
    const blob = Readable.fromWeb((await this.registry.openBlob(repository, digest)) as never);
    await pipeline(blob, watch, createWriteStream(file));
    if (`sha256:${hash.digest('hex')}` !== digest)
      throw new AppError('CONFLICT', 'its layer is not what it names');
    const { code, stderr } = await run('tar', ['-xzpf', file, '--numeric-owner', '-C', root]);
    if (code !== 0) throw new AppError('UNAVAILABLE', `it cannot be unpacked: ${stderr.trim()}`);
    await rm(file);
  }
}
