import { messageOf } from '@skyarc/lib/errors';
import { podTitle } from '../container-starter.ts';
import type { KubeletContext } from '../context.ts';
import { allContainersOf, graceSecondsOf, identityOf, type Pod, type PodContainer } from '../pod.ts';
import { stopContainer } from '../pod-terminator.ts';
import { isRunning, newestOf, runningContainersOf, timeOf, type PodRuntime } from '../pod-runtime.ts';

/** Probes one pod's running containers, and ends those that a probe has found dead. */
export class PodHealth {
  private readonly context: KubeletContext;
  /** Runs that are being ended for their health. */
  private readonly stopping = new Set<string>();

  constructor(context: KubeletContext) {
    this.context = context;
  }

  /** Begins to probe what runs, and no longer what does not. */
  follow(pod: Pod, runtime: PodRuntime, podIp: string): void {
    const { prober } = this.context;
    for (const container of allContainersOf(pod)) {
      const [newest, ...older] = runtime.containers.get(container.name) ?? [];
      for (const { id } of older) prober.stop(id);
      if (!newest || !isRunning(newest)) {
        if (newest) prober.stop(newest.id);
        continue;
      }
      const target = { container, containerId: newest.id, podIp };
      prober.ensure(target, timeOf(newest.startedAt), storedHealthOf(pod, newest.id), {
        onChange: () => this.context.requeue(identityOf(pod).uid),
        onUnhealthy: (kind, message) => {
          const title = `${kind[0]?.toUpperCase() ?? ''}${kind.slice(1)}`;
          this.context.record(pod, 'Warning', 'Unhealthy', `${title} probe failed: ${message}`);
        },
      });
    }
  }

  /** Probes no longer. */
  stop(runtime: PodRuntime): void {
    for (const { id } of [...runtime.containers.values()].flat()) this.context.prober.stop(id);
  }

  /** The pod is being ended: nothing is restarted for its health, readiness is still asked for. */
  stopDemanding(runtime: PodRuntime): void {
    const { prober } = this.context;
    for (const status of [...runtime.containers.values()].flat()) {
      if (isRunning(status)) prober.stopDemanding(status.id);
      else prober.stop(status.id);
    }
  }

  /** What probes have found of the newest run of a container. */
  of(pod: Pod, runtime: PodRuntime, container: PodContainer): { started: boolean; ready: boolean } {
    const newest = newestOf(runtime, container.name);
    if (!newest) return { started: false, ready: false };
    return (
      this.context.prober.healthOf(newest.id) ??
      storedHealthOf(pod, newest.id) ?? { started: false, ready: false }
    );
  }

  /** Ends containers whose startup or liveness probe has failed; they are restarted by policy. */
  restartUnhealthy(pod: Pod, runtime: PodRuntime, podIp: string): void {
    for (const status of runningContainersOf(runtime)) {
      const failure = this.context.prober.healthOf(status.id)?.failure;
      if (!failure || this.stopping.has(status.id)) continue;
      this.stopping.add(status.id);
      const text = `Container ${status.metadata.name} failed ${failure.kind} probe, will be restarted`;
      this.context.record(pod, 'Normal', 'Killing', text);
      const deadline = Date.now() + (failure.graceSeconds ?? graceSecondsOf(pod)) * 1_000;
      void stopContainer(this.context, pod, status, { podIp, deadlineMs: () => deadline })
        .catch((error: unknown) => {
          const facts = { pod: podTitle(pod), reason: messageOf(error) };
          this.context.log.warn(facts, 'cannot stop container');
        })
        .finally(() => {
          this.stopping.delete(status.id);
          this.context.requeue(identityOf(pod).uid);
        });
    }
  }
}

/** What the stored status says of this very run: it was probed before this process began. */
function storedHealthOf(pod: Pod, containerId: string): { started: boolean; ready: boolean } | undefined {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  const stored = [...containerStatuses, ...initContainerStatuses].find(
    (status) => status.containerID === `containerd://${containerId}`,
  );
  return stored ? { started: stored.started ?? false, ready: stored.ready } : undefined;
}
