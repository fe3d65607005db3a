import { ensureObject, type KindTable, type KubeClient } from '@skyarc/lib/kube';
import type { WorkerSettings } from '../config.ts';

type Claim = KindTable['persistentvolumeclaims'];
type Volume = KindTable['persistentvolumes'];

/** Marks classes and volumes of ours; those of others are left alone. */
export const provisionerName = 'skyarc.dev/folders';
export const provisionedBy = 'pv.kubernetes.io/provisioned-by';
/** Token of the leader that wrote the object last. */
export const termAnnotation = 'skyarc.dev/leader-term';

/** Makes the classes of the configuration that are ours to provide. */
export async function ensureClasses(kube: KubeClient, { storage }: WorkerSettings): Promise<void> {
  for (const name of classesOf(storage)) {
    const live = await kube.find('storageclasses', name);
    // What a class says cannot be changed, and another's class of that name is not ours.
    if (live) continue;
    await ensureObject(kube, 'storageclasses', {
      metadata: { name },
      provisioner: provisionerName,
      reclaimPolicy: 'Delete',
      volumeBindingMode: 'Immediate',
      allowVolumeExpansion: true,
    });
  }
}

export function classesOf({ sharedClass, localClass }: WorkerSettings['storage']): string[] {
  return [...new Set([sharedClass, localClass])].filter((name) => name !== null);
}

/** The volume that describes a folder, promised to the claim that it was made for. */
export function renderVolume(
  claim: Claim,
  made: { path: string; token: number; nodeName: string | undefined },
): Volume {
  const { name, namespace, uid = '', labels } = claim.metadata ?? {};
  const { accessModes, resources, storageClassName } = claim.spec ?? {};
  const { path, nodeName, token } = made;
  return {
    metadata: {
      name: volumeNameOf(uid),
      annotations: { [provisionedBy]: provisionerName, [termAnnotation]: String(token) },
      ...(labels ? { labels } : {}),
    },
    spec: {
      capacity: { storage: resources?.requests?.['storage'] ?? '1Gi' },
      accessModes,
      volumeMode: 'Filesystem',
      persistentVolumeReclaimPolicy: 'Delete',
      storageClassName,
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name, namespace, uid },
      // A folder that is gone is told of, not made anew: it would be empty.
      ...(nodeName ? { local: { path } } : { hostPath: { path, type: 'Directory' } }),
      ...(nodeName ? { nodeAffinity: { required: onNode(nodeName) } } : {}),
    },
  };
}

export function volumeNameOf(claimUid: string): string {
  return `pvc-${claimUid}`;
}

export function isOurs({ metadata }: Volume): boolean {
  return metadata?.annotations?.[provisionedBy] === provisionerName;
}

export function folderOf({ spec }: Volume): string | undefined {
  return spec?.local?.path ?? spec?.hostPath?.path;
}

function onNode(nodeName: string) {
  const expression = { key: 'kubernetes.io/hostname', operator: 'In', values: [nodeName] };
  return { nodeSelectorTerms: [{ matchExpressions: [expression] }] };
}
