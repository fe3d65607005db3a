import type { ContainerConfig, Image, Mount } from '../cri/types.ts';
import { graceSecondsOf, isSidecar, type Pod, type PodContainer } from '../pod.ts';
import { expand } from './environment.ts';
import { renderResources } from './resources.ts';
import { labelsOf, podLabels } from './sandbox.ts';
import { renderSecurityContext } from './security.ts';

/** Kept on each container in the runtime, so that a new kubelet process knows what an old one knew. */
export const containerAnnotations = {
  restartCount: 'io.kubernetes.container.restartCount',
  /** How many times in a row it ended soon; sets the wait before the next start. */
  backoffStep: 'io.kubernetes.container.backoffStep',
  terminationMessageFile: 'io.kubernetes.container.terminationMessageFile',
  terminationMessagePolicy: 'io.kubernetes.container.terminationMessagePolicy',
  /** Its limits and requests when it was made, as JSON. */
  resources: 'io.kubernetes.container.resources',
  /** As it stands in the container's limits; absent without one. */
  memoryLimit: 'io.kubernetes.container.memoryLimit',
  /** Seconds between SIGTERM and SIGKILL, for who stops it without knowing the pod. */
  gracePeriod: 'io.kubernetes.pod.terminationGracePeriod',
  isSidecar: 'io.kubernetes.container.isSidecar',
} as const;

export interface ContainerInput {
  readonly pod: Pod;
  readonly container: PodContainer;
  readonly attempt: number;
  readonly backoffStep: number;
  readonly image: Image;
  readonly environment: ReadonlyMap<string, string>;
  readonly mounts: readonly Mount[];
  /** On the host; mounted at the container's `terminationMessagePath`. */
  readonly terminationMessageFile: string;
  readonly nodeMemoryBytes: number;
  /** Container whose process namespace it shares. */
  readonly targetId?: string;
}

export function renderContainer(input: ContainerInput): ContainerConfig {
  const { pod, container, attempt, environment } = input;
  const memoryLimit = container.resources?.limits?.['memory'];
  const messagePath = container.terminationMessagePath ?? '/dev/termination-log';
  return {
    metadata: { name: container.name, attempt },
    image: { image: input.image.id },
    command: (container.command ?? []).map((word) => expand(word, environment)),
    args: (container.args ?? []).map((word) => expand(word, environment)),
    workingDir: container.workingDir ?? '',
    envs: [...environment].map(([key, value]) => ({ key, value })),
    mounts: [
      ...input.mounts,
      { containerPath: messagePath, hostPath: input.terminationMessageFile, readonly: false },
    ],
    labels: { ...labelsOf(pod), [podLabels.container]: container.name },
    annotations: {
      [containerAnnotations.restartCount]: String(attempt),
      [containerAnnotations.backoffStep]: String(input.backoffStep),
      [containerAnnotations.terminationMessageFile]: input.terminationMessageFile,
      [containerAnnotations.terminationMessagePolicy]: container.terminationMessagePolicy ?? 'File',
      [containerAnnotations.gracePeriod]: String(graceSecondsOf(pod)),
      [containerAnnotations.isSidecar]: String(isSidecar(container)),
      [containerAnnotations.resources]: JSON.stringify(container.resources ?? {}),
      ...(memoryLimit ? { [containerAnnotations.memoryLimit]: memoryLimit } : {}),
    },
    logPath: `${container.name}/${attempt}.log`,
    stdin: container.stdin ?? false,
    stdinOnce: container.stdinOnce ?? false,
    tty: container.tty ?? false,
    linux: {
      resources: renderResources(pod, container, input.nodeMemoryBytes),
      securityContext: renderSecurityContext(pod, container, input),
    },
  };
}
