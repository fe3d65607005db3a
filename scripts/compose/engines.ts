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

/** Of all members, with commas between. */
export function etcdUrlOf({ etcdUrls, ports }: Topology): string {
  return etcdUrls.length > 0 ? etcdUrls.join(',') : `http://127.0.0.1:${ports.etcdClient}`;
}

/** Where each keeps its keys: in an etcd that is there already all below one place, in our own where they always were. */
export function etcdPrefixesOf(topology: Topology): { cluster: string; mq: string; eventlog: string } {
  if (topology.etcdUrls.length === 0)
    return { cluster: '/registry', mq: '/skyarc/mq/v2', eventlog: '/skyarc/eventlog/' };
  const root = etcdRootOf(topology);
  return { cluster: `${root}registry`, mq: `${root}mq/v2`, eventlog: `${root}eventlog/` };
}

/** Everything of this installation in an etcd that is there already is below this. */
export function etcdRootOf({ instance }: Topology): string {
  return `/skyarc/${instance}/`;
}
