import { AppError, messageOf } from '@skyarc/lib/errors';
import type { ClusterReads } from './cluster-reads.ts';
import type { CallContext } from './context.ts';
import type { ClusterDnsServer } from './generated/resolvers.ts';

const timeoutMs = 2_000;
const limitBytes = 4 << 20;

/** What CoreDNS, and the embedded cluster's name server in its words, measure; older ones count forwarding themselves. */
const metrics = {
  questions: ['coredns_dns_requests_total'],
  entries: ['coredns_cache_entries'],
  requests: ['coredns_cache_requests_total'],
  hits: ['coredns_cache_hits_total'],
  asked: ['coredns_proxy_request_duration_seconds_count', 'coredns_forward_requests_total'],
  failures: ['coredns_proxy_healthcheck_failures_total', 'coredns_forward_healthcheck_failures_total'],
} as const;

interface Sample {
  readonly name: string;
  /** The label of this name; empty without one. */
  readonly to: string;
  readonly value: number;
}

/** What the cluster's own name servers tell by their metrics; for operators alone. */
export async function readClusterDns(
  reads: Pick<ClusterReads, 'nameServers'>,
  { teams }: CallContext,
): Promise<ClusterDnsServer[]> {
  if (teams !== 'all') throw new AppError('FORBIDDEN', 'Cannot look at DNS: it is for administrators');
  return Promise.all((await reads.nameServers()).map(ask));
}

async function ask(address: string): Promise<ClusterDnsServer> {
  try {
    const response = await fetch(`http://${address}/metrics`, { signal: AbortSignal.timeout(timeoutMs) });
    if (!response.ok) throw new AppError('UNAVAILABLE', `it answers with status ${response.status}`);
    return presentClusterDns(address, (await response.text()).slice(0, limitBytes));
  } catch (error) {
    return { ...presentClusterDns(address, ''), problem: `It does not answer: ${messageOf(error)}` };
  }
}

/** Of Prometheus' text format; what is not measured counts as nothing. */
export function presentClusterDns(address: string, text: string): ClusterDnsServer {
  const samples = text.split('\n').flatMap(parseSample);
  const sum = (names: readonly string[], to?: string): number =>
    samples
      .filter((each) => names.includes(each.name) && (to === undefined || each.to === to))
      .reduce((total, { value }) => total + value, 0);
  const asked: readonly string[] = [...metrics.asked, ...metrics.failures];
  const upstreams = new Set(samples.filter(({ name, to }) => to && asked.includes(name)).map(({ to }) => to));
  return {
    address,
    problem: null,
    questions: sum(metrics.questions),
    cache: { entries: sum(metrics.entries), requests: sum(metrics.requests), hits: sum(metrics.hits) },
    upstreams: [...upstreams].map((to) => ({
      address: to,
      questions: sum(metrics.asked, to),
      failures: sum(metrics.failures, to),
    })),
  };
}

function parseSample(line: string): Sample[] {
  const [, name, labels = '', number] = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
  const value = Number(number);
  if (!name || !Number.isFinite(value)) return [];
  return [{ name, to: /(?:^|,)to="([^"]*)"/.exec(labels)?.[1] ?? '', value }];
}
