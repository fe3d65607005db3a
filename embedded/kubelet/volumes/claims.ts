import { AppError } from '@skyarc/lib/errors';
import type { KindTable, KubeClient } from '../../client/index.ts';
import { parseQuantity, quantityOrZero } from '../../client/quantity.ts';
import { ensureHostPath } from './host-path.ts';

type Claim = KindTable['persistentvolumeclaims'];
type Volume = KindTable['persistentvolumes'];

/** The folder behind a claim. Throws INVALID when it is not there or not bound yet. */
export async function findClaimedFolder(
  client: KubeClient,
  namespace: string,
  claimName: string,
): Promise<string> {
  const { volume } = await findBound(client, namespace, claimName);
  const { hostPath, local } = volume.spec ?? {};
  if (hostPath) return ensureHostPath({ path: hostPath.path, type: hostPath.type ?? 'DirectoryOrCreate' });
  if (local) return ensureHostPath({ path: local.path, type: 'Directory' });
  throw new AppError('INVALID', `persistentvolume "${volume.metadata?.name}" is neither hostPath nor local`);
}

async function findBound(
  client: KubeClient,
  namespace: string,
  claimName: string,
): Promise<{ claim: Claim; volume: Volume }> {
  const claim = await client.find('persistentvolumeclaims', claimName, namespace);
  if (!claim) throw new AppError('INVALID', `persistentvolumeclaim "${claimName}" not found`);
  const volumeName = claim.spec?.volumeName;
  if (!volumeName || claim.status?.phase !== 'Bound') {
    throw new AppError('INVALID', `persistentvolumeclaim "${claimName}" is not bound yet`);
  }
  const volume = await client.find('persistentvolumes', volumeName);
  if (!volume) throw new AppError('INVALID', `persistentvolume "${volumeName}" not found`);
  return { claim, volume };
}

/**
 * Tells a claim's new capacity once its volume has grown: a folder has no file system of its own to resize,
 * so that the node's part of an expansion is done as soon as it is seen.
 */
export async function finishGrowth(client: KubeClient, namespace: string, claimName: string): Promise<void> {
  const { claim, volume } = await findBound(client, namespace, claimName);
  const grown = volume.spec?.capacity?.['storage'];
  const conditions = claim.status?.conditions ?? [];
  const isPending = conditions.some(({ type }) => type === 'FileSystemResizePending');
  const isSmaller =
    grown !== undefined && quantityOrZero(claim.status?.capacity?.['storage']) < parseQuantity(grown);
  if (!isPending && !isSmaller) return;
  await client.patchStatus('persistentvolumeclaims', claimName, namespace, {
    status: {
      capacity: { ...claim.status?.capacity, ...(grown ? { storage: grown } : {}) },
      conditions: conditions.filter(({ type }) => type !== 'FileSystemResizePending' && type !== 'Resizing'),
    },
  });
}
