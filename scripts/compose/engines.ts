import type { EtcdConfig } from '@skyarc/lib/etcd';
import type { Topology } from './topology.ts';

/** The etcd that the queue and the embedded cluster share. */
export function etcdConfigOf(topology: Topology): EtcdConfig {
  return {
    name: topology.instance,
    dataDir: topology.path('etcd'),
    runDir: topology.path('run'),
    clientPort: topology.ports.etcdClient,
    peerPort: topology.ports.etcdPeer,
  };
}

export function etcdUrlOf(topology: Topology): string {
  return `http://127.0.0.1:${topology.ports.etcdClient}`;
}
