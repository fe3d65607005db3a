import type { Topology } from './topology.ts';

/** Status servers of a data centre's services on this machine, by name: `/healthz` and `/metrics` below each. */
export function statusUrlsOf({ ports, servesPackages, dns }: Topology): { name: string; url: string }[] {
  const byName = {
    mq: ports.mqStatus,
    chaos: ports.chaos,
    worker: ports.worker,
    gateway: ports.gatewayStatus,
    eventlog: ports.eventlogStatus,
    node: ports.node,
    hub: ports.hubStatus,
    ...(servesPackages ? { repo: ports.repoStatus } : {}),
    ...(dns.listen ? { dns: ports.dnsStatus } : {}),
    webcli: ports.webcliStatus,
    monitor: ports.monitor,
  };
  return Object.entries(byName).map(([name, port]) => ({ name, url: `http://127.0.0.1:${port}` }));
}
