import { dnsState, type DnsState } from '@skyarc/lib/contracts';
import { AppError, messageOf } from '@skyarc/lib/errors';
import type { CallContext } from './context.ts';
import type { DnsServer } from './generated/resolvers.ts';

const timeoutMs = 2_000;

/** What the servers of names say of themselves, in the order of their status servers; for operators alone. */
export async function readDnsServers(urls: readonly string[], { teams }: CallContext): Promise<DnsServer[]> {
  if (teams !== 'all') throw new AppError('FORBIDDEN', 'Cannot look at DNS: it is for administrators');
  return Promise.all(urls.map(ask));
}

async function ask(url: string): Promise<DnsServer> {
  try {
    const response = await fetch(`${url}/state`, { signal: AbortSignal.timeout(timeoutMs) });
    if (!response.ok) throw new AppError('UNAVAILABLE', `it answers with status ${response.status}`);
    return present(dnsState.parse(await response.json()));
  } catch (error) {
    return { ...unknown, problem: `It does not answer: ${messageOf(error)}` };
  }
}

const unknown: DnsServer = {
  address: null,
  problem: null,
  zones: [],
  gateways: [],
  questions: 0,
  questionsPerSecond: 0,
  failures: [],
  clusterSilenceSeconds: null,
};

function present(said: DnsState): DnsServer {
  return {
    ...unknown,
    address: said.address,
    zones: said.zones.map(({ isInternal, isWildcard, ...zone }) => ({
      ...zone,
      internal: isInternal,
      wildcard: isWildcard,
    })),
    gateways: said.gateways.map(({ address, isAlive }) => ({ address, alive: isAlive })),
    questions: said.questions,
    questionsPerSecond: said.questionsPerSecond,
    failures: said.failures.map(({ atMs, ...failure }) => ({ ...failure, lastAt: new Date(atMs) })),
    clusterSilenceSeconds: said.clusterSilenceSec,
  };
}
