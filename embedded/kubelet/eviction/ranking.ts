import type { Pod } from '../pod.ts';
import { specOf } from '../pod.ts';
import { requestOf, totalOf } from '../render/resources.ts';

/** From here on pods belong to the system and are not ended for others (system-cluster-critical). */
const criticalPriority = 2_000_000_000;

export interface Candidate {
  readonly pod: Pod;
  readonly usedBytes: number;
}

/** What a pod asks for of memory or disk, in bytes. */
export function requestedBytes(pod: Pod, resource: 'memory' | 'ephemeral-storage'): number {
  return totalOf(pod, (container) => requestOf(container, resource)) ?? 0;
}

/**
 * Those that may be ended, first who should go first: who uses more than it asks for, then who matters less,
 * then who is furthest above what it asks for (Kubernetes' order for node pressure).
 */
export function rankForEviction(
  candidates: readonly Candidate[],
  resource: 'memory' | 'ephemeral-storage',
): Candidate[] {
  const priorityOf = ({ pod }: Candidate) => specOf(pod).priority ?? 0;
  const excessOf = ({ pod, usedBytes }: Candidate) => usedBytes - requestedBytes(pod, resource);
  return candidates
    .filter((candidate) => priorityOf(candidate) < criticalPriority)
    .toSorted(
      (left, right) =>
        Number(excessOf(right) > 0) - Number(excessOf(left) > 0) ||
        priorityOf(left) - priorityOf(right) ||
        excessOf(right) - excessOf(left),
    );
}
