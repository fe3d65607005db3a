import { chmod, mkdir, realpath, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError } from '@skyarc/lib/errors';
import type { KindTable, KubeClient } from '../../client/index.ts';
import type { Mount } from '../cri/types.ts';
import { expand } from '../render/environment.ts';
import { identityOf, specOf, type PodContainer, type PodSpec } from '../pod.ts';
import { parseQuantity } from '../../client/quantity.ts';
import { giveToGroup, mountTmpfs } from './folders.ts';
import { writePayload } from './payload.ts';
import { readPayload, type PayloadInput } from './sources.ts';

export { removeMounted, unmountAll } from './folders.ts';

type Volume = NonNullable<PodSpec['volumes']>[number];
type HostPath = NonNullable<Volume['hostPath']>;

export interface VolumeInput extends PayloadInput {
  readonly client: KubeClient;
  /** `<root>/pods/<uid>/volumes`. */
  readonly folder: string;
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
      const reason = error instanceof Error ? error.message : String(error);
      throw new AppError('INVALID', `MountVolume.SetUp failed for volume "${volume.name}" : ${reason}`, {
        cause: error,
      });
    }
  }
  return folders;
}

async function ensureVolume(input: VolumeInput, volume: Volume): Promise<string> {
  const { pod } = input;
  const group = specOf(pod).securityContext?.fsGroup;
  if (volume.hostPath) return ensureHostPath(volume.hostPath);
  if (volume.persistentVolumeClaim) {
    const path = await findClaimedFolder(input, volume.persistentVolumeClaim.claimName);
    if (group !== undefined) await giveToGroup(path, group);
    return path;
  }
  const folder = join(input.folder, volume.name);
  if (volume.emptyDir) {
    const { medium, sizeLimit } = volume.emptyDir;
    if (medium === 'Memory')
      await mountTmpfs(folder, sizeLimit ? parseQuantity(sizeLimit) : input.node.memoryBytes / 2);
    else if (await mkdir(folder, { recursive: true })) await chmod(folder, 0o777);
    if (group !== undefined) await giveToGroup(folder, group);
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

/** Checks or makes a hostPath by its type. */
async function ensureHostPath({ path, type = '' }: HostPath): Promise<string> {
  const found = await stat(path).catch(() => null);
  if (!found) {
    if (type === 'DirectoryOrCreate' || type === '') await mkdir(path, { recursive: true, mode: 0o755 });
    else if (type === 'FileOrCreate') {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, '', { flag: 'a', mode: 0o644 });
    } else throw new AppError('INVALID', `hostPath ${path} does not exist`);
    return path;
  }
  const isRight: Record<string, boolean> = {
    Directory: found.isDirectory(),
    DirectoryOrCreate: found.isDirectory(),
    File: found.isFile(),
    FileOrCreate: found.isFile(),
    Socket: found.isSocket(),
    CharDevice: found.isCharacterDevice(),
    BlockDevice: found.isBlockDevice(),
  };
  if (isRight[type] === false) throw new AppError('INVALID', `hostPath ${path} is not of type ${type}`);
  return path;
}

async function findClaimedFolder({ client, pod }: VolumeInput, claimName: string): Promise<string> {
  const { namespace } = identityOf(pod);
  const claim = await client.find('persistentvolumeclaims', claimName, namespace);
  if (!claim) throw new AppError('INVALID', `persistentvolumeclaim "${claimName}" not found`);
  const volumeName = claim.spec?.volumeName;
  if (!volumeName || claim.status?.phase !== 'Bound') {
    throw new AppError('INVALID', `persistentvolumeclaim "${claimName}" is not bound yet`);
  }
  const volume: KindTable['persistentvolumes'] | null = await client.find('persistentvolumes', volumeName);
  const { hostPath, local } = volume?.spec ?? {};
  if (hostPath) return ensureHostPath({ path: hostPath.path, type: hostPath.type ?? 'DirectoryOrCreate' });
  if (local) return ensureHostPath({ path: local.path, type: 'Directory' });
  throw new AppError('INVALID', `persistentvolume "${volumeName}" is neither hostPath nor local`);
}

/** Mounts of a container, outermost first; a subPath may not lead out of its volume. */
export async function renderMounts(
  container: PodContainer,
  volumes: ReadonlyMap<string, string>,
  environment: ReadonlyMap<string, string>,
): Promise<Mount[]> {
  const mounts: Mount[] = [];
  for (const mount of container.volumeMounts ?? []) {
    const folder = volumes.get(mount.name);
    if (folder === undefined) throw new AppError('INVALID', `volumeMount "${mount.name}" has no volume`);
    const subPath = mount.subPathExpr ? expand(mount.subPathExpr, environment) : mount.subPath;
    mounts.push({
      containerPath: mount.mountPath,
      hostPath: subPath ? await ensureSubPath(folder, subPath) : folder,
      readonly: mount.readOnly ?? false,
      propagation:
        mount.mountPropagation === 'HostToContainer'
          ? 'PROPAGATION_HOST_TO_CONTAINER'
          : 'PROPAGATION_PRIVATE',
    });
  }
  return mounts.sort(
    (left, right) => left.containerPath.split('/').length - right.containerPath.split('/').length,
  );
}

async function ensureSubPath(folder: string, subPath: string): Promise<string> {
  if (subPath.startsWith('/') || subPath.split('/').includes('..')) {
    throw new AppError('INVALID', `subPath "${subPath}" must be relative and without ".."`);
  }
  const path = join(folder, subPath);
  const root = await realpath(folder);
  // Each parent is resolved before anything is made below it: an app may have planted a link there.
  let parent = root;
  for (const part of subPath.split('/').filter((name) => name !== '' && name !== '.')) {
    const next = join(parent, part);
    const resolved = await realpath(next).catch(() => undefined);
    if (resolved === undefined) await mkdir(next, { mode: 0o777 });
    parent = resolved ?? next;
    if (parent !== root && !parent.startsWith(`${root}/`)) {
      throw new AppError('INVALID', `subPath "${subPath}" leads out of its volume`);
    }
  }
  return parent === root ? path : parent;
}
