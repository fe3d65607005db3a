import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, messageOf } from '@skyarc/lib/errors';
import type { KubeClient } from '../../client/index.ts';
import { parseQuantity } from '../../client/quantity.ts';
import { identityOf, specOf, type PodSpec } from '../pod.ts';
import { findClaimedFolder, finishGrowth } from './claims.ts';
import { giveToGroup, mountTmpfs } from './folders.ts';
import { ensureHostPath } from './host-path.ts';
import { writePayload } from './payload.ts';
import { readPayload, type PayloadInput } from './sources.ts';

export { removeMounted, unmountAll } from './folders.ts';
export { renderMounts } from './mounts.ts';

type Volume = NonNullable<PodSpec['volumes']>[number];

export interface VolumeInput extends PayloadInput {
  readonly client: KubeClient;
  /** `<root>/pods/<uid>/volumes`. */
  readonly folder: string;
  /** The volumes were made before: only what changes by itself is looked at. */
  readonly isRenewal: boolean;
}

/**
 * Makes the pod's volumes true on the host and answers their folders by volume name; also renews the files
 * of config volumes. Throws INVALID when something a volume needs is missing: try again later.
 */
export async function ensureVolumes(input: VolumeInput): Promise<Map<string, string>> {
  const folders = new Map<string, string>();
  for (const volume of specOf(input.pod).volumes ?? []) {
    try {
      folders.set(volume.name, await ensureVolume(input, volume));
    } catch (error) {
      const reason = `MountVolume.SetUp failed for volume "${volume.name}" : ${messageOf(error)}`;
      throw new AppError('INVALID', reason, { cause: error });
    }
  }
  return folders;
}

async function ensureVolume(input: VolumeInput, volume: Volume): Promise<string> {
  const { pod, client } = input;
  const { fsGroup: group, fsGroupChangePolicy } = specOf(pod).securityContext ?? {};
  const giveAway = async (path: string) => {
    if (group !== undefined && !input.isRenewal) await giveToGroup(path, group, fsGroupChangePolicy);
  };
  if (volume.hostPath) return ensureHostPath(volume.hostPath);
  if (volume.persistentVolumeClaim) {
    const { claimName, readOnly } = volume.persistentVolumeClaim;
    const { namespace } = identityOf(pod);
    const path = await findClaimedFolder(client, namespace, claimName);
    await finishGrowth(client, namespace, claimName);
    if (!readOnly) await giveAway(path);
    return path;
  }
  const folder = join(input.folder, volume.name);
  if (volume.emptyDir) {
    const { medium, sizeLimit } = volume.emptyDir;
    if (medium === 'Memory') await mountTmpfs(folder, memorySizeOf(input, sizeLimit));
    else if (await mkdir(folder, { recursive: true })) await chmod(folder, 0o777);
    await giveAway(folder);
    return folder;
  }
  const payload = await readPayload(input, volume);
  if (!payload) throw new AppError('INVALID', `volumes of this kind are not supported`);
  // Secrets never touch a disk.
  if (volume.secret || volume.projected) await mountTmpfs(folder);
  else await mkdir(folder, { recursive: true, mode: 0o755 });
  await writePayload(folder, payload, group);
  return folder;
}

/** Of a volume in memory: its limit, and never more than the node has to give. */
function memorySizeOf({ node }: VolumeInput, sizeLimit: string | undefined): number {
  const limit = sizeLimit ? parseQuantity(sizeLimit) : 0;
  return limit > 0 ? Math.min(limit, node.memoryBytes) : node.memoryBytes / 2;
}
