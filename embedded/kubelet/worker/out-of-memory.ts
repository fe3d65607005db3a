import type { KubeletContext } from '../context.ts';
import type { Pod, PodStatus } from '../pod.ts';

/** Tells by an event of each container that the kernel has killed since the earlier status was written. */
export function recordOutOfMemory(context: Pick<KubeletContext, 'record'>, before: Pod, after: Pod): void {
  const known = outOfMemoryRuns(before.status);
  for (const [id, { name, message }] of outOfMemoryRuns(after.status)) {
    if (known.has(id)) continue;
    context.record(after, 'Warning', 'OOMKilled', `Container ${name} was killed: ${message}`);
  }
}

function outOfMemoryRuns(status: PodStatus | undefined): Map<string, { name: string; message: string }> {
  const { containerStatuses = [], initContainerStatuses = [] } = status ?? {};
  const found = new Map<string, { name: string; message: string }>();
  for (const { name, state, lastState } of [...initContainerStatuses, ...containerStatuses]) {
    for (const ended of [state?.terminated, lastState?.terminated]) {
      if (ended?.reason !== 'OOMKilled' || !ended.containerID) continue;
      found.set(ended.containerID, { name, message: ended.message ?? 'out of memory' });
    }
  }
  return found;
}
