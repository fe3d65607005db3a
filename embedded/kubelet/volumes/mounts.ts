import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@skyarc/lib/errors';
import type { Mount } from '../cri/types.ts';
import { expand } from '../render/environment.ts';
import type { PodContainer, PodSpec } from '../pod.ts';

type Volume = NonNullable<PodSpec['volumes']>[number];

/** Volumes whose files the kubelet writes; a container never does. */
function isReadOnly({ configMap, secret, downwardAPI, projected, persistentVolumeClaim }: Volume): boolean {
  return Boolean(configMap ?? secret ?? downwardAPI ?? projected ?? persistentVolumeClaim?.readOnly);
}

const propagations = {
  None: 'PROPAGATION_PRIVATE',
  HostToContainer: 'PROPAGATION_HOST_TO_CONTAINER',
  Bidirectional: 'PROPAGATION_BIDIRECTIONAL',
} as const;

/** Mounts of a container, outermost first; a subPath may not lead out of its volume. */
export async function renderMounts(
  container: PodContainer,
  volumes: ReadonlyMap<string, string>,
  environment: ReadonlyMap<string, string>,
  specs: readonly Volume[] = [],
): Promise<Mount[]> {
  const mounts: Mount[] = [];
  for (const mount of container.volumeMounts ?? []) {
    const folder = volumes.get(mount.name);
    if (folder === undefined) throw new AppError('INVALID', `volumeMount "${mount.name}" has no volume`);
    const spec = specs.find(({ name }) => name === mount.name);
    const subPath = mount.subPathExpr ? expandStrictly(mount.subPathExpr, environment) : mount.subPath;
    const propagation = (mount.mountPropagation ?? 'None') as keyof typeof propagations;
    mounts.push({
      containerPath: mount.mountPath,
      hostPath: subPath ? await ensureSubPath(folder, subPath) : folder,
      readonly: mount.readOnly === true || (spec !== undefined && isReadOnly(spec)),
      propagation: propagations[propagation] ?? 'PROPAGATION_PRIVATE',
    });
  }
  return mounts.sort(
    (left, right) => left.containerPath.split('/').length - right.containerPath.split('/').length,
  );
}

/** A subPathExpr must not stay with a name that nobody has set. */
function expandStrictly(text: string, environment: ReadonlyMap<string, string>): string {
  for (const [whole, name] of text.matchAll(/\$(?:\$|\(([^()]*)\))/g)) {
    if (name !== undefined && !environment.has(name)) {
      throw new AppError('INVALID', `missing value for "${name}" in subPathExpr "${text}" (${whole})`);
    }
  }
  return expand(text, environment);
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
