import type { PodDiskUsage, VolumeUsage } from './disk.ts';
import type { PodSample, UsageSample } from './meter.ts';

/** The document `/stats/summary` of a kubelet (stats/v1alpha1), as far as it is measured here. */
export function renderSummary(
  nodeName: string,
  { before, now }: { before: UsageSample | undefined; now: UsageSample },
  disk: ReadonlyMap<string, PodDiskUsage>,
): object {
  const time = new Date(now.atMs).toISOString();
  const seconds = before ? (now.atMs - before.atMs) / 1_000 : 0;
  const known = new Map(
    (before?.pods ?? []).flatMap(({ containers }) => containers.map(({ id, cpuNanos }) => [id, cpuNanos])),
  );
  const cpuOf = (cpuNanos: number, earlier: number | undefined) => ({
    time,
    usageCoreNanoSeconds: Math.round(cpuNanos),
    ...(earlier === undefined || seconds <= 0
      ? {}
      : { usageNanoCores: Math.max(0, Math.round((cpuNanos - earlier) / seconds)) }),
  });
  const { totalBytes, availableBytes, workingSetBytes } = now.memory;
  return {
    node: {
      nodeName,
      cpu: cpuOf(now.cpuNanos, before?.cpuNanos),
      memory: { time, availableBytes, usageBytes: totalBytes - availableBytes, workingSetBytes },
    },
    pods: now.pods.map((pod) => ({
      podRef: { name: pod.name, namespace: pod.namespace, uid: pod.uid },
      containers: pod.containers.map((container) => {
        const usage = disk.get(pod.uid)?.containers.get(container.name);
        return {
          name: container.name,
          startTime: new Date(container.createdAtMs).toISOString(),
          cpu: cpuOf(container.cpuNanos, known.get(container.id)),
          memory: {
            time,
            usageBytes: container.memoryBytes,
            workingSetBytes: container.workingSetBytes,
            rssBytes: container.rssBytes,
          },
          ...(usage
            ? { rootfs: { time, usedBytes: usage.rootBytes }, logs: { time, usedBytes: usage.logBytes } }
            : {}),
        };
      }),
      ...renderNetwork(pod, time),
      ...renderDisk(disk.get(pod.uid), time),
    })),
  };
}

function renderNetwork({ links }: PodSample, time: string): object {
  const [first] = links;
  if (!first) return {};
  const interfaces = links.map(({ name, receivedBytes, receiveErrors, sentBytes, sendErrors }) => ({
    name,
    rxBytes: receivedBytes,
    rxErrors: receiveErrors,
    txBytes: sentBytes,
    txErrors: sendErrors,
  }));
  return { network: { time, ...interfaces[0], interfaces } };
}

function renderDisk(usage: PodDiskUsage | undefined, time: string): object {
  if (!usage) return {};
  return {
    volume: usage.volumes.map((volume) => renderVolume(volume, usage, time)),
    'ephemeral-storage': { time, usedBytes: usage.ephemeralBytes },
  };
}

function renderVolume(volume: VolumeUsage, { pod }: PodDiskUsage, time: string): object {
  const { name, claimName, usedBytes, capacityBytes, availableBytes } = volume;
  const pvcRef = { name: claimName, namespace: pod.metadata?.namespace };
  return {
    time,
    name,
    usedBytes,
    capacityBytes,
    availableBytes,
    ...(claimName === undefined ? {} : { pvcRef }),
  };
}
