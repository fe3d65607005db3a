import { z } from 'zod';
import { digestOf, mediaTypes } from './layer.ts';
import type { RegistryClient } from './registry.ts';
import type { ImageReference } from './signature.ts';

/** Something that belongs to an image and is kept beside it. */
export interface Artifact {
  /** Media type of what it is, e.g. `application/spdx+json`. */
  readonly type: string;
  readonly parts: readonly {
    readonly mediaType: string;
    readonly content: Buffer;
    readonly annotations?: Readonly<Record<string, string>>;
  }[];
  /** A tag of its own, for clients that look for one. */
  readonly tag?: string;
}

const empty = Buffer.from('{}');
const emptyType = 'application/vnd.oci.empty.v1+json';

const descriptor = z.looseObject({
  mediaType: z.string(),
  digest: z.string(),
  size: z.number(),
  artifactType: z.string().optional(),
});
const indexShape = z.object({ manifests: z.array(descriptor) });
export type Referrer = z.output<typeof descriptor>;

/**
 * Puts artifacts beside an image and lists them in its referrers index, by the tag schema of distribution-spec
 * 1.1 for registries without the referrers API. Replaces earlier ones of the same types. Answers the bytes sent.
 */
export async function attachArtifacts(
  registry: RegistryClient,
  image: ImageReference & { readonly size: number },
  artifacts: readonly Artifact[],
): Promise<number> {
  const { repository, digest, size } = image;
  let sentBytes = 0;
  const put = async (bytes: Buffer) => {
    await registry.putBlob(repository, digestOf(bytes), bytes);
    sentBytes += bytes.length;
  };
  const putEmpty = async () => {
    if (!(await registry.hasBlob(repository, digestOf(empty)))) await put(empty);
  };
  const contents = artifacts.flatMap(({ parts }) => parts.map(({ content }) => content));
  const listing = listReferrers(registry, image);
  listing.catch(() => undefined);
  // They name the image, so that hardly one is there.
  await Promise.all([putEmpty(), ...contents.map(put)]);
  const added: Referrer[] = await Promise.all(
    artifacts.map(async ({ type, parts, tag }) => {
      const manifest = Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType: mediaTypes.manifest,
          artifactType: type,
          config: { mediaType: emptyType, digest: digestOf(empty), size: empty.length },
          layers: parts.map(({ mediaType, content, annotations }) => ({
            mediaType,
            digest: digestOf(content),
            size: content.length,
            annotations,
          })),
          subject: { mediaType: mediaTypes.manifest, digest, size },
        }),
      );
      await registry.putManifest(repository, manifest, tag);
      sentBytes += manifest.length;
      const descriptor = { digest: digestOf(manifest), size: manifest.length };
      return { mediaType: mediaTypes.manifest, ...descriptor, artifactType: type };
    }),
  );
  const types = new Set(added.map(({ artifactType }) => artifactType));
  const others = (await listing).filter(({ artifactType }) => !types.has(artifactType));
  const manifests = [...others, ...added];
  const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests }));
  await registry.putManifest(repository, index, digest.replace(':', '-'), mediaTypes.index);
  return sentBytes + index.length;
}

/** What was put beside an image. */
export async function listReferrers(
  registry: RegistryClient,
  { repository, digest }: ImageReference,
): Promise<readonly Referrer[]> {
  const index = await registry.findManifest(repository, digest.replace(':', '-'));
  return index ? indexShape.parse(JSON.parse(index.toString())).manifests : [];
}

/** The parts of an image's artifact of a type; null when it has none. */
export async function findArtifact(
  registry: RegistryClient,
  image: ImageReference,
  type: string,
): Promise<readonly Buffer[] | null> {
  const referrer = (await listReferrers(registry, image)).find(({ artifactType }) => artifactType === type);
  const manifest = referrer && (await registry.findManifest(image.repository, referrer.digest));
  if (!manifest) return null;
  const { layers } = z
    .object({ layers: z.array(z.object({ digest: z.string() })) })
    .parse(JSON.parse(manifest.toString()));
  const parts = await Promise.all(layers.map((layer) => registry.findBlob(image.repository, layer.digest)));
  return parts.every((part) => part !== null) ? parts : null;
}
