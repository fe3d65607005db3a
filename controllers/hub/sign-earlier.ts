import { stat, writeFile } from 'node:fs/promises';
import {
  type ImageKeys,
  isSigned,
  parseImageReference,
  type RegistryClient,
  signImage,
} from '@skyarc/lib/oci';
import type { DataCenterDatabase } from '@skyarc/prisma/datacenter';

/**
 * Signs the images of versions that were built before images were signed, once in the life of an installation:
 * `doneFile` says that it was done. What the registry has not, or not as it was, is left out and stays refused.
 */
export async function signEarlierVersions(
  db: DataCenterDatabase,
  registry: RegistryClient,
  { keys, doneFile }: { readonly keys: ImageKeys; readonly doneFile: string },
): Promise<number> {
  if (await stat(doneFile).catch(() => null)) return 0;
  const versions = await db.version.findMany({ select: { image: true } });
  let count = 0;
  for (const text of new Set(versions.map(({ image }) => image))) {
    const image = parseImageReference(text);
    const isThere = await registry.findManifest(image.repository, image.digest).catch(() => null);
    if (!isThere || (await isSigned(registry, image, keys.publicKey))) continue;
    await signImage(registry, image, keys);
    count += 1;
  }
  await writeFile(doneFile, `${new Date().toISOString()}\n`, { mode: 0o600 });
  return count;
}
