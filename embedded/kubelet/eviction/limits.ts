import { quantityOrZero } from '../../client/quantity.ts';
import { specOf } from '../pod.ts';
import { totalOf } from '../render/resources.ts';
import type { PodDiskUsage } from '../usage/disk.ts';

/**
 * Why a pod has to go for the disk it takes: an emptyDir over its `sizeLimit`, a container or the pod as a
 * whole over its limit of ephemeral storage. Undefined when it keeps its limits.
 */
export function findOverLimit({
  pod,
  containers,
  volumes,
  ephemeralBytes,
}: PodDiskUsage): string | undefined {
  const spec = specOf(pod);
  for (const { name, isMemory, usedBytes } of volumes) {
    const limit = spec.volumes?.find((volume) => volume.name === name)?.emptyDir?.sizeLimit;
    // A limit of 0 is none, as is one that cannot be read.
    const limitBytes = quantityOrZero(limit);
    if (limit === undefined || isMemory || limitBytes === 0) continue;
    if (usedBytes > limitBytes) {
      return `Usage of EmptyDir volume "${name}" exceeds the limit "${limit}". `;
    }
  }
  for (const { name, resources } of [...(spec.initContainers ?? []), ...spec.containers]) {
    const limit = resources?.limits?.['ephemeral-storage'];
    const used = containers.get(name);
    if (limit === undefined || !used) continue;
    if (used.rootBytes + used.logBytes > quantityOrZero(limit)) {
      return `Container ${name} exceeded its local ephemeral storage limit "${limit}". `;
    }
  }
  const total = totalOf(pod, ({ resources }) => {
    const limit = resources?.limits?.['ephemeral-storage'];
    return limit === undefined ? undefined : quantityOrZero(limit);
  });
  if (total !== undefined && ephemeralBytes > total && spec.containers.length > 0) {
    return `Pod ephemeral local storage usage exceeds the total limit of containers ${total}. `;
  }
  return undefined;
}
