import type { ContainerStatus } from '../cri/types.ts';
import type { Pod, PodStatus } from '../pod.ts';
import type { PodRuntime } from '../pod-runtime.ts';
import { containerAnnotations } from '../render/container.ts';

type StoredStatus = NonNullable<PodStatus['containerStatuses']>[number];

/** Of a container whose end nobody saw, as the kubelet has it. */
const unknownExitCode = 137;

/**
 * The runtime's view with the runs that the pod's status tells of and the runtime has lost, as after it was
 * emptied: they count as ended, so that what must not run twice does not, and restarts are counted on.
 */
export function withLostContainers(pod: Pod, runtime: PodRuntime): PodRuntime {
  const {
    containerStatuses = [],
    initContainerStatuses = [],
    ephemeralContainerStatuses = [],
  } = pod.status ?? {};
  const stored = [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses];
  const lost = stored
    .filter(({ name }) => !runtime.containers.has(name))
    .map(renderLost)
    .filter((status) => status !== undefined);
  if (lost.length === 0) return runtime;
  const containers = new Map(runtime.containers);
  for (const status of lost) containers.set(status.metadata.name, [status]);
  return { ...runtime, containers };
}

/** The last run that a stored status tells of; undefined when there was none. */
function renderLost(stored: StoredStatus): ContainerStatus | undefined {
  const { name, state, lastState, restartCount, containerID, imageID } = stored;
  const ended = state?.terminated ?? (state?.running ? undefined : lastState?.terminated);
  if (!ended && !state?.running) return undefined;
  const startedAt = nanosecondsOf(ended?.startedAt ?? state?.running?.startedAt);
  return {
    id: (ended?.containerID ?? containerID ?? '').replace(/^containerd:\/\//, ''),
    metadata: { name, attempt: restartCount },
    state: 'CONTAINER_EXITED',
    // Before any sandbox that there is.
    createdAt: '0',
    startedAt,
    finishedAt: ended?.finishedAt ? nanosecondsOf(ended.finishedAt) : startedAt,
    exitCode: ended?.exitCode ?? unknownExitCode,
    image: null,
    imageRef: imageID,
    reason: ended?.reason ?? 'ContainerStatusUnknown',
    message: ended ? (ended.message ?? '') : 'The container could not be located when the pod was looked at',
    labels: {},
    annotations: { [containerAnnotations.restartCount]: String(restartCount) },
    logPath: '',
  };
}

function nanosecondsOf(time: string | undefined): string {
  return time ? String(BigInt(Date.parse(time)) * 1_000_000n) : '0';
}
