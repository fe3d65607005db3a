import { messageOf } from '@skyarc/lib/errors';
import type { KubeletContext } from './context.ts';
import type { ContainerStatus } from './cri/types.ts';
import { runHook } from './lifecycle-hooks.ts';
import { allContainersOf, isSidecar, specOf, type Pod } from './pod.ts';
import { readySandboxOf, runningContainersOf, type PodRuntime } from './pod-runtime.ts';
import { podLabels } from './render/sandbox.ts';

/** After a preStop hook has used up the grace time, a container still gets this long for its SIGTERM. */
const minStopSeconds = 2;

/** Ends one container: preStop, SIGTERM, and SIGKILL when the grace time is over. */
export async function stopContainer(
  context: KubeletContext,
  pod: Pod,
  status: ContainerStatus,
  options: { podIp: string; deadlineMs: () => number },
): Promise<void> {
  const name = status.labels[podLabels.container] ?? status.metadata.name;
  const container = allContainersOf(pod).find((each) => each.name === name);
  const remainingMs = () => Math.max(0, options.deadlineMs() - Date.now());
  const preStop = container?.lifecycle?.preStop;
  if (container && preStop && remainingMs() > 0) {
    const target = { container, containerId: status.id, podIp: options.podIp };
    await runHook(context.cri, preStop, target, remainingMs()).catch((error: unknown) => {
      context.record(pod, 'Warning', 'FailedPreStopHook', `PreStopHook failed: ${messageOf(error)}`);
    });
  }
  const graceSeconds = Math.ceil(remainingMs() / 1_000);
  const timeout = preStop ? Math.max(minStopSeconds, graceSeconds) : graceSeconds;
  const request = { containerId: status.id, timeout };
  await context.cri.call('StopContainer', request, { timeoutMs: (timeout + 60) * 1_000 });
}

/**
 * Ends all containers of a pod, side-cars after the others, then its sandboxes. The deadline may come
 * nearer while it runs: it is asked again at each step.
 */
export async function stopPod(
  context: KubeletContext,
  pod: Pod,
  runtime: PodRuntime,
  deadlineMs: () => number,
): Promise<void> {
  const podIp = readySandboxOf(runtime)?.network?.ip ?? '';
  const sidecars = (specOf(pod).initContainers ?? []).filter(isSidecar).toReversed();
  const isOfSidecar = ({ labels }: ContainerStatus) =>
    sidecars.some(({ name }) => name === labels[podLabels.container]);
  const running = runningContainersOf(runtime);
  const stop = (status: ContainerStatus) => {
    context.record(
      pod,
      'Normal',
      'Killing',
      `Stopping container ${status.labels[podLabels.container] ?? ''}`,
    );
    return stopContainer(context, pod, status, { podIp, deadlineMs });
  };
  await Promise.all(running.filter((status) => !isOfSidecar(status)).map(stop));
  for (const { name } of sidecars) {
    const status = running.find(({ labels }) => labels[podLabels.container] === name);
    if (status) await stop(status);
  }
  for (const { id } of runtime.sandboxes) await context.cri.call('StopPodSandbox', { podSandboxId: id });
}

/** Removes ended runs of a container beyond the newest two: one for its state, one for `--previous`. */
export async function removeOldRuns(context: KubeletContext, runtime: PodRuntime): Promise<void> {
  for (const history of runtime.containers.values()) {
    for (const { id } of history.slice(2)) {
      await context.cri.call('RemoveContainer', { containerId: id });
      context.reader.forgetContainer(id);
    }
  }
}
