import { readFile } from 'node:fs/promises';
import type { DnsFacts } from './render/sandbox.ts';

/** The cluster's DNS facts with the host's own servers and search path. */
export async function readHostDns(
  cluster: Pick<DnsFacts, 'clusterDomain' | 'clusterDns'>,
): Promise<DnsFacts> {
  const text = await readFile('/etc/resolv.conf', 'utf8').catch(() => '');
  const lines = text.split('\n').map((line) => line.trim().split(/\s+/));
  return {
    ...cluster,
    hostServers: lines
      .filter(([key, server = '']) => key === 'nameserver' && !server.startsWith('127.') && server !== '::1')
      .map(([, server = '']) => server),
    hostSearches: lines.filter(([key]) => key === 'search').flatMap(([, ...searches]) => searches),
  };
}
