import type { MonitorConfig } from '@skyarc/controllers/monitor';
import { DerivedAccounts } from '@skyarc/lib/oci';
import { etcdUrlOf } from './engines.ts';
import { servicesFolderOf } from './status.ts';
import type { Topology } from './topology.ts';

/** What a monitor lets in by. */
async function tokenOf({ path }: Topology): Promise<string> {
  return (await DerivedAccounts.ensure(path('keys', 'monitor.key'))).passwordOf('monitor');
}

/** Where the API finds the monitors. */
export async function monitorAddressOf(topology: Topology): Promise<{ urls: string[]; token: string }> {
  const { monitorUrls, ports } = topology;
  const urls = monitorUrls.length > 0 ? [...monitorUrls] : [`http://127.0.0.1:${ports.monitor}`];
  return { urls, token: await tokenOf(topology) };
}

/** The monitor of this machine; a second one tells the first one's Alertmanager, too, and agrees with it who tells. */
export async function monitorConfigOf(topology: Topology): Promise<MonitorConfig> {
  const { ports, ownPorts, index, path, kubeconfig, dataCenter, isEmbedded, metrics } = topology;
  const { patience } = metrics;
  const seconds = (normal: number) => Math.max(1, Math.round(normal * patience));
  return {
    instance: `monitor-${index}`,
    port: ownPorts.monitor,
    token: await tokenOf(topology),
    dataDir: path(index === 0 ? 'monitor' : `monitor-${index}`),
    dataCenter,
    kubeconfig,
    prometheus: {
      port: ownPorts.prometheus,
      shards: metrics.shards,
      evaluatorPort: ownPorts.prometheusEvaluator,
      retentionDays: metrics.days,
      scrapeIntervalSec: metrics.intervalSec,
      evaluationIntervalSec: metrics.intervalSec,
    },
    alertmanager: {
      port: ownPorts.alertmanager,
      mesh: {
        port: ownPorts.alertmanagerMesh,
        peers: index === 0 ? [] : [`127.0.0.1:${ports.alertmanagerMesh}`],
      },
      others: index === 0 ? [] : [`http://127.0.0.1:${ports.alertmanager}`],
      groupWaitSec: seconds(10),
      groupIntervalSec: seconds(60),
    },
    clusterReach: isEmbedded ? 'pods' : 'proxy',
    // The one node of our own cluster is this machine, whose agent has one.
    findsExporterPods: !isEmbedded,
    servicesFolder: servicesFolderOf(topology),
    engines: [
      ...etcdUrlOf(topology)
        .split(',')
        .map((url) => ({ name: 'etcd', url })),
      { name: 'registry', url: `http://127.0.0.1:${ports.hubMetrics}` },
    ],
    keepFiringSec: seconds(60),
    patience,
  };
}
