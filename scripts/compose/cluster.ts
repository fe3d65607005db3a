import { start, type EmbeddedInput } from '@skyarc/embedded';
import { namespaceOf } from '@skyarc/lib/contracts';
import { etcdPrefixesOf, etcdUrlOf } from './engines.ts';
import { meshListenOf } from './node.ts';
import type { StartedProcess } from './processes.ts';
import type { Topology } from './topology.ts';

/** The embedded Kubernetes of this machine. */
export function embeddedConfigOf(topology: Topology): EmbeddedInput {
  const discovery = meshListenOf(topology);
  const { instance, podCidr, serviceCidr, ports, dns } = topology;
  return {
    instance,
    home: topology.path('cluster'),
    podCidr,
    serviceCidr,
    etcdUrl: etcdUrlOf(topology),
    apiServer: {
      port: ports.kubeApi,
      names: ['localhost', '127.0.0.1'],
      etcdPrefix: etcdPrefixesOf(topology).cluster,
    },
    controllers: { storage: { volumeRoot: topology.path('volumes') } },
    network: {
      openToPods: discovery ? [{ address: discovery.host, port: discovery.port }] : [],
      dns: {
        aliases: [{ origin: dns.internalZone, target: `{1}.${namespaceOf('{2}')}.svc.cluster.local` }],
      },
    },
    kubelet: {
      plainHttpRegistries: [topology.registryPull],
      streaming: { port: ports.containerdStream },
    },
  };
}

export async function startCluster(topology: Topology): Promise<StartedProcess> {
  const running = await start(embeddedConfigOf(topology));
  return { stop: () => running.stop(), facts: { about: `Kubernetes at ${running.url}` } };
}
