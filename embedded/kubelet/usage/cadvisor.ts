import type { PodDiskUsage } from './disk.ts';
import type { ContainerSample, PodSample, UsageSample } from './meter.ts';
import { renderMetrics, type Metric } from './prometheus.ts';

type Labels = Readonly<Record<string, string>>;

/** Metrics of each container, by cAdvisor's names. */
const ofContainers: readonly [string, Metric['type'], string, (sample: ContainerSample) => number][] = [
  [
    'container_cpu_usage_seconds_total',
    'counter',
    'Cumulative cpu time consumed in seconds',
    (c) => c.cpuNanos / 1e9,
  ],
  [
    'container_cpu_cfs_periods_total',
    'counter',
    'Number of elapsed enforcement period intervals',
    (c) => c.cpuPeriods,
  ],
  [
    'container_cpu_cfs_throttled_periods_total',
    'counter',
    'Number of throttled period intervals',
    (c) => c.cpuThrottledPeriods,
  ],
  [
    'container_cpu_cfs_throttled_seconds_total',
    'counter',
    'Total time duration the container has been throttled',
    (c) => c.cpuThrottledNanos / 1e9,
  ],
  ['container_memory_usage_bytes', 'gauge', 'Current memory usage in bytes', (c) => c.memoryBytes],
  ['container_memory_working_set_bytes', 'gauge', 'Current working set in bytes', (c) => c.workingSetBytes],
  ['container_memory_rss', 'gauge', 'Size of RSS in bytes', (c) => c.rssBytes],
  ['container_memory_cache', 'gauge', 'Number of bytes of page cache memory', (c) => c.cacheBytes],
  ['container_spec_memory_limit_bytes', 'gauge', 'Memory limit for the container', (c) => c.memoryLimitBytes],
  ['container_oom_events_total', 'counter', 'Count of out of memory events observed', (c) => c.oomKills],
  [
    'container_start_time_seconds',
    'gauge',
    'Start time of the container since unix epoch in seconds',
    (c) => c.createdAtMs / 1_000,
  ],
];

type LinkField = Exclude<keyof PodSample['links'][number], 'name'>;

/** Metrics of each pod's network links. */
const ofLinks: readonly [string, LinkField][] = [
  ['container_network_receive_bytes_total', 'receivedBytes'],
  ['container_network_receive_packets_total', 'receivedPackets'],
  ['container_network_receive_errors_total', 'receiveErrors'],
  ['container_network_receive_packets_dropped_total', 'receiveDropped'],
  ['container_network_transmit_bytes_total', 'sentBytes'],
  ['container_network_transmit_packets_total', 'sentPackets'],
  ['container_network_transmit_errors_total', 'sendErrors'],
  ['container_network_transmit_packets_dropped_total', 'sendDropped'],
];

/** The page `/metrics/cadvisor` of a kubelet, in Prometheus' text format. */
export function renderCadvisor(
  sample: UsageSample,
  disk: ReadonlyMap<string, PodDiskUsage>,
  cpus: number,
): string {
  const containers = sample.pods.flatMap((pod) =>
    pod.containers.map((container) => ({ container, labels: labelsOf(pod, container), pod })),
  );
  const metrics: Metric[] = [
    { name: 'machine_cpu_cores', type: 'gauge', help: 'Number of cpu cores', values: [[{}, cpus]] },
    {
      name: 'machine_memory_bytes',
      type: 'gauge',
      help: 'Amount of memory installed on the machine',
      values: [[{}, sample.memory.totalBytes]],
    },
  ];
  for (const [name, type, help, valueOf] of ofContainers) {
    const isTotal = name === 'container_cpu_usage_seconds_total';
    metrics.push({
      name,
      type,
      help,
      values: containers.map(({ container, labels }) => [
        isTotal ? { ...labels, cpu: 'total' } : labels,
        valueOf(container),
      ]),
    });
  }
  metrics.push({
    name: 'container_fs_usage_bytes',
    type: 'gauge',
    help: 'Number of bytes that are consumed by the container on this filesystem',
    values: containers.flatMap(({ container, labels, pod }): [Labels, number][] => {
      const usage = disk.get(pod.uid)?.containers.get(container.name);
      return usage ? [[{ ...labels, device: '' }, usage.rootBytes]] : [];
    }),
  });
  for (const [name, field] of ofLinks) {
    metrics.push({
      name,
      type: 'counter',
      help: `Cumulative count of ${name.replace(/^container_network_|_total$/g, '').replaceAll('_', ' ')}`,
      values: sample.pods.flatMap((pod) =>
        pod.links.map((link): [Labels, number] => {
          const { namespace, name: podName, cgroup: id } = pod;
          const own = { container: '', id, image: '', name: '', namespace, pod: podName };
          return [{ ...own, interface: link.name }, link[field]];
        }),
      ),
    });
  }
  return renderMetrics(metrics, sample.atMs);
}

function labelsOf({ namespace, name: pod }: PodSample, container: ContainerSample): Labels {
  const { id: name, name: containerName, image, cgroup: id } = container;
  return { container: containerName, id, image, name, namespace, pod };
}
