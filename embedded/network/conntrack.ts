import { run } from '@skyarc/lib/process';
import type { ServicePort } from './services.ts';

/**
 * Ends the translation of UDP flows that lead nowhere any more (conntrack(8)). Without a connection that could
 * break, a client that goes on sending would keep the endpoint it once got, dead or not, for ever.
 */
export async function endStaleFlows(
  before: readonly ServicePort[] | undefined,
  after: readonly ServicePort[],
): Promise<void> {
  const alive = new Set(udpEndpoints(after));
  const gone = before
    ? [...new Set(udpEndpoints(before))].filter((endpoint) => !alive.has(endpoint))
    : await findDeadEndpoints(after, alive);
  for (const endpoint of gone) {
    const [address = '', port = ''] = endpoint.split(' ');
    await conntrack('-D', '-p', 'udp', '--reply-src', address, '--reply-port-src', port);
  }
  // Who asked before there was an endpoint has a flow without translation.
  const known = new Set((before ?? after).filter(hasEndpoints).map(keyOf));
  for (const service of after.filter(hasEndpoints)) {
    if (service.protocol !== 'udp' || known.has(keyOf(service))) continue;
    const { clusterIp, port } = service;
    const address = clusterIp ? ['--orig-dst', clusterIp] : [];
    await conntrack('-D', '-p', 'udp', ...address, '--orig-port-dst', String(port));
  }
}

/** After a time of which nothing is known: endpoints that flows to our services have and nobody serves. */
async function findDeadEndpoints(
  services: readonly ServicePort[],
  alive: ReadonlySet<string>,
): Promise<string[]> {
  const ours = new Set(
    services.filter(({ protocol }) => protocol === 'udp').map(({ clusterIp }) => clusterIp),
  );
  if (ours.size === 0) return [];
  const flows = (await conntrack('-L', '-p', 'udp', '--dst-nat')).split('\n').flatMap((line) => {
    const [, target, address = '', port = ''] =
      /dst=(\S+) .*? src=(\S+) dst=\S+ sport=(\d+)/.exec(line) ?? [];
    return ours.has(target) ? [`${address} ${port}`] : [];
  });
  return [...new Set(flows)].filter((endpoint) => !alive.has(endpoint));
}

function udpEndpoints(services: readonly ServicePort[]): string[] {
  return services
    .filter(({ protocol }) => protocol === 'udp')
    .flatMap(({ endpoints }) => endpoints.map(({ address, port }) => `${address} ${port}`));
}

function hasEndpoints({ endpoints }: ServicePort): boolean {
  return endpoints.length > 0;
}

function keyOf({ clusterIp, protocol, port }: ServicePort): string {
  return `${clusterIp ?? 'node'} ${protocol} ${port}`;
}

/** Its output; that nothing matched, status 1, is as good. */
async function conntrack(...args: string[]): Promise<string> {
  return (await run('conntrack', args, { timeoutMs: 10_000, keepBytes: 16 << 20 })).stdout;
}
