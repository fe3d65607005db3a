import { createHash } from 'node:crypto';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { AppError } from '@skyarc/lib/errors';
import { extract, pack, type Pack } from 'tar-stream';
import type { Descriptor } from './layer.ts';
import type { RegistryClient } from './registry.ts';

/**
 * The files of some layers, the lowest first, as one gzipped tar, while it is read: nothing is kept in memory or on
 * disk. It ends with an error when a layer is not what its digest names.
 */
export function slugOf(
  registry: RegistryClient,
  repository: string,
  layers: readonly Pick<Descriptor, 'digest'>[],
): Readable {
  const tar = pack();
  const zipped = createGzip({ level: 1 });
  const fill = async (): Promise<void> => {
    for (const { digest } of layers) await addLayer(tar, await registry.openBlob(repository, digest), digest);
    tar.finalize();
  };
  pipeline(tar, zipped).catch(() => undefined);
  fill().catch((error: unknown) => zipped.destroy(error as Error));
  zipped.once('close', () => tar.destroy());
  return zipped;
}

async function addLayer(tar: Pack, blob: ReadableStream<Uint8Array>, digest: string): Promise<void> {
  const hash = createHash('sha256');
  const watch = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  const entries = extract();
  const reading = pipeline(Readable.fromWeb(blob as never), watch, createGunzip(), entries);
  reading.catch((error: unknown) => entries.destroy(error as Error));
  for await (const entry of entries) await pipeline(entry, tar.entry(entry.header));
  await reading;
  if (`sha256:${hash.digest('hex')}` !== digest)
    throw new AppError('CONFLICT', `Layer ${digest} in the registry is not what it names`);
}
