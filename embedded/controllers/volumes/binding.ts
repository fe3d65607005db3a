import type { Claim, Node, Pod, StorageClass, Volume } from '../kinds.ts';
import { quantityOrZero } from '../../client/quantity.ts';
import { matchesNodeTerm } from '../scheduler/filters.ts';
import { matchesSelector } from '../selectors.ts';

const defaultClassAnnotation = 'storageclass.kubernetes.io/is-default-class';

/** The node that the scheduler chose for the first pod of a claim. */
export const selectedNodeAnnotation = 'volume.kubernetes.io/selected-node';
/** Which provisioner is to make the claim's volume. */
export const provisionerAnnotations = [
  'volume.kubernetes.io/storage-provisioner',
  'volume.beta.kubernetes.io/storage-provisioner',
];

/** True when a claim is to be bound only once a pod that uses it has a node. */
export function waitsForConsumer({ spec }: Claim, storageClass: StorageClass | undefined): boolean {
  return !spec?.volumeName && storageClass?.volumeBindingMode === 'WaitForFirstConsumer';
}

/** True when the volume can be reached from the node. */
export function suitsNode({ spec }: Volume, node: Node): boolean {
  const terms = spec?.nodeAffinity?.required?.nodeSelectorTerms;
  return terms === undefined || terms.some((term) => matchesNodeTerm(term, node));
}

/** True when the claim asks for more than its volume promises. */
export function wantsMore(claim: Claim, volume: Volume): boolean {
  return wantedBytes(claim) > bytesOf(volume);
}

/** Name of the claim's class; undefined asks for the default one, "" for none. */
export function classOf({ spec, metadata }: Claim): string | undefined {
  return spec?.storageClassName ?? metadata?.annotations?.['volume.beta.kubernetes.io/storage-class'];
}

/** Keys of the claims that a pod mounts. */
export function claimKeysOf({ spec, metadata }: Pod): string[] {
  return (spec?.volumes ?? []).flatMap(({ persistentVolumeClaim }) =>
    persistentVolumeClaim ? [`${metadata?.namespace ?? ''}/${persistentVolumeClaim.claimName}`] : [],
  );
}

export function isDefaultClass({ metadata }: StorageClass): boolean {
  return metadata?.annotations?.[defaultClassAnnotation] === 'true';
}

/** True when the volume is already promised to this claim. */
export function isBoundTo({ spec }: Volume, { metadata }: Claim): boolean {
  const promised = spec?.claimRef;
  const isSameName = promised?.name === metadata?.name && promised?.namespace === metadata?.namespace;
  return isSameName && (promised?.uid === undefined || promised.uid === metadata?.uid);
}

/** The smallest free volume that meets the claim: class, size, access modes, mode and selector. */
export function findVolume(claim: Claim, volumes: readonly Volume[]): Volume | undefined {
  const promised = volumes.find((volume) => isBoundTo(volume, claim));
  if (promised) return promised;
  return volumes
    .filter((volume) => isCandidate(claim, volume) && bytesOf(volume) >= wantedBytes(claim))
    .toSorted((left, right) => bytesOf(left) - bytesOf(right))[0];
}

function bytesOf({ spec }: Volume): number {
  return quantityOrZero(spec?.capacity?.['storage']);
}

function wantedBytes({ spec }: Claim): number {
  return quantityOrZero(spec?.resources?.requests?.['storage']);
}

function isCandidate(claim: Claim, { spec, metadata, status }: Volume): boolean {
  const modes = spec?.accessModes ?? [];
  const isWanted = claim.spec?.volumeName === undefined || claim.spec.volumeName === metadata?.name;
  return (
    isWanted &&
    !spec?.claimRef &&
    !metadata?.deletionTimestamp &&
    (status?.phase ?? 'Available') === 'Available' &&
    (spec?.storageClassName ?? '') === (classOf(claim) ?? '') &&
    (spec?.volumeMode ?? 'Filesystem') === (claim.spec?.volumeMode ?? 'Filesystem') &&
    (claim.spec?.accessModes ?? []).every((mode) => modes.includes(mode)) &&
    (!claim.spec?.selector || matchesSelector(claim.spec.selector, metadata?.labels))
  );
}
