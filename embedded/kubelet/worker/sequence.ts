import type { ContainerStatus, PodSandboxStatus } from '../cri/types.ts';
import { isSidecar, specOf, type Pod, type PodContainer } from '../pod.ts';
import { isRunning, newestOf, type PodRuntime } from '../pod-runtime.ts';

/** True when a container that has ended is to be started again by the pod's restart policy. */
export function shouldRestart(pod: Pod, container: PodContainer, ended: ContainerStatus): boolean {
  if (isSidecar(container)) return true;
  const policy = specOf(pod).restartPolicy ?? 'Always';
  const isInit = specOf(pod).initContainers?.includes(container) ?? false;
  if (isInit) return ended.exitCode !== 0 && policy !== 'Never';
  return policy === 'Always' || (policy === 'OnFailure' && ended.exitCode !== 0);
}

/** True when by its restart policy nothing of the pod has to run any more; side-cars do not keep it alive. */
export function isComplete(pod: Pod, runtime: PodRuntime): boolean {
  const { containers, initContainers = [] } = specOf(pod);
  const hasEndedForGood = (container: PodContainer) => {
    const newest = newestOf(runtime, container.name);
    return newest?.state === 'CONTAINER_EXITED' && !shouldRestart(pod, container, newest);
  };
  const hasFailedForGood = (container: PodContainer) =>
    hasEndedForGood(container) && newestOf(runtime, container.name)?.exitCode !== 0;
  if (initContainers.some(hasFailedForGood)) return true;
  return containers.length > 0 && containers.every(hasEndedForGood);
}

/** A container created in this sandbox, not in one before it. */
function isOfSandbox(status: ContainerStatus | undefined, sandbox: PodSandboxStatus): boolean {
  return BigInt(status?.createdAt ?? 0) > BigInt(sandbox.createdAt);
}

/**
 * The containers whose turn it is and which do not run: ephemeral ones at any time, init containers one
 * after the other, side-cars among them until `isUp` says they have started, then all others. A new sandbox,
 * as after a reboot of the machine, is initialized anew; one that lives only once.
 */
export function findStartable(
  pod: Pod,
  runtime: PodRuntime,
  sandbox: PodSandboxStatus,
  isUp: (status: ContainerStatus) => boolean,
): PodContainer[] {
  const { containers, initContainers = [], ephemeralContainers = [] } = specOf(pod);
  const newestIn = (container: PodContainer) => newestOf(runtime, container.name);
  // One that has ended, or that the runtime has lost, is not run twice.
  const due: PodContainer[] = ephemeralContainers.filter(
    ({ name }) => (newestOf(runtime, name)?.state ?? 'CONTAINER_CREATED') === 'CONTAINER_CREATED',
  );
  const wasInitialized = containers.some((container) => isOfSandbox(newestIn(container), sandbox));
  for (const container of initContainers) {
    const newest = newestIn(container);
    if (isSidecar(container)) {
      if (!isRunning(newest)) due.push(container);
      if (!wasInitialized && !(newest && isRunning(newest) && isUp(newest))) return due;
    } else if (!wasInitialized) {
      const isDone =
        newest?.state === 'CONTAINER_EXITED' && newest.exitCode === 0 && isOfSandbox(newest, sandbox);
      if (isDone) continue;
      if (!isRunning(newest)) due.push(container);
      return due;
    }
  }
  due.push(...containers.filter((container) => !isRunning(newestIn(container))));
  return due;
}

/**
 * True when a container that has ended may be started again in this sandbox. Init containers of an earlier
 * sandbox run again whatever came of them; what has ended for good stays so.
 */
export function mayRunAgain(
  pod: Pod,
  container: PodContainer,
  ended: ContainerStatus,
  sandbox: PodSandboxStatus,
): boolean {
  const { containers } = specOf(pod);
  if (!containers.includes(container) && !isOfSandbox(ended, sandbox)) return true;
  return shouldRestart(pod, container, ended);
}
