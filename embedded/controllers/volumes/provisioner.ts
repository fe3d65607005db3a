import { chmod, mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Claim, StorageClass, Volume } from '../kinds.ts';

/** Marks volumes and classes of this provisioner; other classes' claims are left to their own. */
export const provisionerName = 'skyarc.dev/directory';
const provisionedBy = 'pv.kubernetes.io/provisioned-by';

/** Makes volumes that are directories of this machine, and removes them. */
export class DirectoryProvisioner {
  private readonly root: string;

  /** @param root folder that holds one directory per volume */
  constructor(root: string) {
    this.root = path.resolve(root);
  }

  /** The default class, as it should stand in the cluster. */
  static storageClass(name: string): StorageClass {
    return {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name, annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
      provisioner: provisionerName,
      reclaimPolicy: 'Delete',
      volumeBindingMode: 'Immediate',
      allowVolumeExpansion: true,
    };
  }

  /** Makes the directory and returns the volume that describes it; a second call finds the same. */
  async provision(claim: Claim, storageClass: StorageClass): Promise<Volume> {
    const { name = '', namespace, uid = '' } = claim.metadata ?? {};
    const volumeName = `pvc-${uid}`;
    const directory = path.join(this.root, volumeName);
    // Any user of any container may have to write; the root above keeps strangers of the machine out.
    await mkdir(this.root, { recursive: true, mode: 0o711 });
    await mkdir(directory, { recursive: true });
    await chmod(directory, 0o777);
    return {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: volumeName, annotations: { [provisionedBy]: provisionerName } },
      spec: {
        capacity: { storage: claim.spec?.resources?.requests?.['storage'] ?? '1Gi' },
        accessModes: claim.spec?.accessModes ?? ['ReadWriteOnce'],
        volumeMode: 'Filesystem',
        persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? 'Delete',
        storageClassName: storageClass.metadata?.name,
        hostPath: { path: directory, type: 'DirectoryOrCreate' },
        claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name, namespace, uid },
      },
    };
  }

  /** True when the volume was made here, in the place where it would be made. */
  owns(volume: Volume): boolean {
    const name = volume.metadata?.name ?? '';
    return (
      volume.metadata?.annotations?.[provisionedBy] === provisionerName &&
      /^pvc-[\w-]+$/.test(name) &&
      volume.spec?.hostPath?.path === path.join(this.root, name)
    );
  }

  /** Removes the volume's data for good. */
  async remove(volume: Volume): Promise<void> {
    if (this.owns(volume))
      await rm(path.join(this.root, volume.metadata?.name ?? ''), { recursive: true, force: true });
  }
}
