import type { PodDiskUsage } from './disk.ts';
import { renderMetrics, type Metric } from './prometheus.ts';

type Labels = Readonly<Record<string, string>>;

/** The page `/metrics` of a kubelet: what runs, and how full the claimed volumes are. */
export function renderKubeletMetrics(
  running: { pods: number; containers: number },
  disk: ReadonlyMap<string, PodDiskUsage>,
): string {
  const used = new Map<string, [Labels, { used: number; capacity: number; available: number }]>();
  for (const { pod, volumes } of disk.values()) {
    for (const { claimName, usedBytes, capacityBytes, availableBytes } of volumes) {
      if (claimName === undefined) continue;
      const labels = { namespace: pod.metadata?.namespace ?? '', persistentvolumeclaim: claimName };
      const facts = { used: usedBytes, capacity: capacityBytes, available: availableBytes };
      used.set(`${labels.namespace}/${claimName}`, [labels, facts]);
    }
  }
  const ofClaims = (name: string, help: string, field: 'used' | 'capacity' | 'available'): Metric => ({
    name: `kubelet_volume_stats_${name}`,
    type: 'gauge',
    help,
    values: [...used.values()].map(([labels, facts]) => [labels, facts[field]]),
  });
  return renderMetrics([
    {
      name: 'kubelet_running_pods',
      type: 'gauge',
      help: 'Number of pods that have a running pod sandbox',
      values: [[{}, running.pods]],
    },
    {
      name: 'kubelet_running_containers',
      type: 'gauge',
      help: 'Number of containers currently running',
      values: [[{ container_state: 'running' }, running.containers]],
    },
    ofClaims('used_bytes', 'Number of used bytes in the volume', 'used'),
    ofClaims('capacity_bytes', 'Capacity in bytes of the volume', 'capacity'),
    ofClaims('available_bytes', 'Number of available bytes in the volume', 'available'),
  ]);
}
