export { attest, type Envelope, envelopeType, openAttestation, type Statement } from './attestation.ts';
export { assembleImage, type Image, type ImageConfig, imageOf } from './image.ts';
export {
  type Descriptor,
  digestOf,
  type Layer,
  mediaTypes,
  writeLayer,
  type WriteLayerOptions,
} from './layer.ts';
export { pushImage, type LayerSource } from './push.ts';
export { rebaseImage } from './rebase.ts';
export { type Artifact, attachArtifacts, findArtifact, listReferrers, type Referrer } from './referrers.ts';
export { RegistryClient, type RegistryOptions } from './registry.ts';
export {
  ensureImageKeys,
  type ImageKeys,
  type ImageReference,
  isSigned,
  parseImageReference,
  signImage,
  tagBeside,
  verifyImage,
} from './signature.ts';
export { slugOf } from './slug.ts';
export { DerivedAccounts, type RegistryAccount } from './tokens.ts';
export { type TreeEntry, walk } from './walk.ts';
export { ensureSecretFile } from './secret-file.ts';
