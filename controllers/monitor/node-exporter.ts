import { join } from 'node:path';
import { Daemon } from '@skyarc/lib/process';
import type { MonitorSettings } from './config.ts';

/** What this machine has and uses, by node-exporter with the few collectors whose metrics are kept. */
export function nodeExporterOf({ dataDir, host, nodeExporter }: MonitorSettings): Daemon | null {
  if (!nodeExporter) return null;
  const { port, command } = nodeExporter;
  const folder = join(dataDir, 'node-exporter');
  const collectors = 'textfile cpu meminfo loadavg filesystem diskstats netdev time timex filefd stat'.split(
    ' ',
  );
  return new Daemon({
    name: 'node-exporter',
    folder,
    command,
    args: [
      `--web.listen-address=${host}:${port}`,
      '--web.disable-exporter-metrics',
      '--collector.disable-defaults',
      ...collectors.map((name) => `--collector.${name}`),
      // What the machine's own jobs leave there as `<name>.prom` is measured, too.
      `--collector.textfile.directory=${folder}`,
      // Mounts and links of containers come and go; each would be a series for days.
      '--collector.filesystem.mount-points-exclude=^/(dev|proc|run|sys|snap)($|/)|^/(var/)?tmp/|/(containers|kubelet|cluster|chaos)/',
      '--collector.filesystem.fs-types-exclude=^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|squashfs|sysfs|tmpfs|tracefs)$',
      '--collector.netdev.device-exclude=^(lo|veth.*|cni.*|cali.*|flannel.*|docker.*|br-.*)$',
      '--log.level=warn',
    ],
    env: { GOGC: '50', GOMAXPROCS: '1' },
    followsArgs: true,
    ready: async () => (await fetch(`http://${host}:${port}/`, { signal: AbortSignal.timeout(1_000) })).ok,
  });
}
