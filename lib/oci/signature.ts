import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { AppError } from '@skyarc/lib/errors';
import { z } from 'zod';
import { type Descriptor, digestOf, mediaTypes } from './layer.ts';
import type { RegistryClient } from './registry.ts';
import { ensureSecretFile } from './secret-file.ts';

/** PEM texts of an ECDSA P-256 pair, the kind that `cosign --key` takes. */
export interface ImageKeys {
  readonly privateKey: string;
  readonly publicKey: string;
}

/** The pair of the key file; a new one is written (mode 0600) when there is none. */
export async function ensureImageKeys(file: string): Promise<ImageKeys> {
  const privateKey = await ensureSecretFile(file, () =>
    generateKeyPairSync('ec', { namedCurve: 'P-256' })
      .privateKey.export({ type: 'pkcs8', format: 'pem' })
      .toString(),
  );
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString();
  return { privateKey, publicKey };
}

/** An image by its content, in a repository of the registry. */
export interface ImageReference {
  readonly repository: string;
  readonly digest: string;
}

/** `team/app@sha256:...` as its parts; throws INVALID for anything else. */
export function parseImageReference(text: string): ImageReference {
  const [, repository, digest] = /^([a-z0-9._/-]+)@(sha256:[0-9a-f]{64})$/.exec(text) ?? [];
  if (!repository || !digest) throw new AppError('INVALID', `"${text}" is not an image with a digest`);
  return { repository, digest };
}

const signatureAnnotation = 'dev.cosignproject.cosign/signature';
const payloadType = 'cosign container image signature';

const payloadShape = z.object({
  critical: z.object({
    identity: z.object({ 'docker-reference': z.string() }),
    image: z.object({ 'docker-manifest-digest': z.string() }),
    type: z.literal(payloadType),
  }),
});
const manifestShape = z.object({
  layers: z.array(
    z.object({ digest: z.string(), annotations: z.record(z.string(), z.string()).default({}) }),
  ),
});

/** The tag beside an image that says something of it: `sha256-<hex>.sig`, `sha256-<hex>.att`. */
export function tagBeside(digest: string, kind: 'sig' | 'att'): string {
  return `${digest.replace(':', '-')}.${kind}`;
}

/**
 * Signs an image in the form of cosign's "simple signing"
 * (https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md); `cosign verify --key` accepts it. May be repeated.
 */
export async function signImage(
  registry: RegistryClient,
  { repository, digest }: ImageReference,
  keys: ImageKeys,
): Promise<void> {
  const payload = Buffer.from(
    JSON.stringify({
      critical: {
        identity: { 'docker-reference': repository },
        image: { 'docker-manifest-digest': digest },
        type: payloadType,
      },
      optional: null,
    }),
  );
  const signature = sign('sha256', payload, createPrivateKey(keys.privateKey)).toString('base64');
  const layer: Descriptor & { annotations: Record<string, string> } = {
    mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
    digest: digestOf(payload),
    size: payload.length,
    annotations: { [signatureAnnotation]: signature },
  };
  const config = Buffer.from(
    JSON.stringify({
      architecture: '',
      os: '',
      config: {},
      rootfs: { type: 'layers', diff_ids: [layer.digest] },
    }),
  );
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config: { mediaType: mediaTypes.config, digest: digestOf(config), size: config.length },
      layers: [layer],
    }),
  );
  await Promise.all([payload, config].map((blob) => registry.putBlob(repository, digestOf(blob), blob)));
  await registry.putManifest(repository, manifest, tagBeside(digest, 'sig'));
}

/** Whether the image has a signature of the key, for this repository. */
export async function isSigned(
  registry: RegistryClient,
  image: ImageReference,
  publicKey: string,
): Promise<boolean> {
  return (await whatSignatureLacks(registry, image, publicKey)) === null;
}

/**
 * Checks that the registry has the image, whole, and that the holder of the key signed it for this repository.
 * Throws INVALID with a sentence for a person that says what is missing or wrong, UNAVAILABLE when nobody answers.
 */
export async function verifyImage(
  registry: RegistryClient,
  image: ImageReference,
  publicKey: string,
): Promise<void> {
  const lack = await whatIsWrong(registry, image, publicKey);
  if (lack === null) return;
  const name = `${image.repository}@${image.digest}`;
  throw new AppError('INVALID', `Image ${name} is refused: ${lack}`);
}

async function whatIsWrong(
  registry: RegistryClient,
  image: ImageReference,
  publicKey: string,
): Promise<string | null> {
  try {
    const manifest = await registry.findManifest(image.repository, image.digest);
    if (!manifest) return 'the registry does not have it any more; build the app again';
    return await whatSignatureLacks(registry, image, publicKey);
  } catch (error) {
    if (error instanceof AppError && error.code === 'CONFLICT')
      return 'its content in the registry was altered; build the app again';
    throw error;
  }
}

async function whatSignatureLacks(
  registry: RegistryClient,
  { repository, digest }: ImageReference,
  publicKey: string,
): Promise<string | null> {
  const unsigned = 'it has no signature of this data centre; build the app again';
  const bytes = await registry.findManifest(repository, tagBeside(digest, 'sig'));
  if (!bytes) return unsigned;
  const key = createPublicKey(publicKey);
  const manifest = manifestShape.safeParse(readJson(bytes));
  let lack = unsigned;
  for (const { digest: payloadDigest, annotations } of manifest.data?.layers.slice(0, 10) ?? []) {
    const payload = await registry.findBlob(repository, payloadDigest);
    const signature = Buffer.from(annotations[signatureAnnotation] ?? '', 'base64');
    lack = 'its signature is not of this data centre';
    if (!payload || !verify('sha256', payload, key, signature)) continue;
    const said = payloadShape.safeParse(readJson(payload)).data?.critical;
    lack = 'its signature is that of another image';
    if (said?.image['docker-manifest-digest'] !== digest) continue;
    if (said.identity['docker-reference'] === repository) return null;
  }
  return lack;
}

function readJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return null;
  }
}
